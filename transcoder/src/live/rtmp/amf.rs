//! AMF 0 (Adobe, Action Message Format 0): the values in a publisher's commands.

/// Values inside values.
const DEEPEST: usize = 8;
/// Values of one command.
const MOST: usize = 512;

#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Value {
    Number(f64),
    Boolean(bool),
    Text(String),
    /// Objects and ECMA arrays alike.
    Object(Vec<(String, Value)>),
    List(Vec<Value>),
    Null,
}

impl Value {
    pub(crate) fn text(&self) -> Option<&str> {
        match self {
            Self::Text(text) => Some(text),
            _ => None,
        }
    }

    pub(crate) fn number(&self) -> Option<f64> {
        match self {
            Self::Number(number) => Some(*number),
            _ => None,
        }
    }
}

/// All values of a message. None: they cannot be read, or are too many or too deep.
pub(crate) fn read(bytes: &[u8]) -> Option<Vec<Value>> {
    let mut reader = Reader { bytes, left: MOST };
    let mut values = Vec::new();
    while !reader.bytes.is_empty() {
        values.push(reader.value(DEEPEST)?);
    }
    Some(values)
}

struct Reader<'a> {
    bytes: &'a [u8],
    left: usize,
}

impl Reader<'_> {
    fn value(&mut self, depth: usize) -> Option<Value> {
        self.left = self.left.checked_sub(1)?;
        let depth = depth.checked_sub(1)?;
        let [kind] = self.take()?;
        Some(match kind {
            0 => Value::Number(f64::from_be_bytes(self.take()?)),
            1 => Value::Boolean(self.take::<1>()? != [0]),
            2 => Value::Text(self.short()?),
            3 => Value::Object(self.pairs(depth)?),
            5 | 6 => Value::Null,
            8 => {
                // The count is a hint only: the end is marked.
                self.take::<4>()?;
                Value::Object(self.pairs(depth)?)
            }
            10 => {
                let count = u32::from_be_bytes(self.take()?);
                let list: Option<Vec<Value>> = (0..count).map(|_| self.value(depth)).collect();
                Value::List(list?)
            }
            11 => {
                self.take::<10>()?;
                Value::Null
            }
            12 => {
                let length = u32::from_be_bytes(self.take()?);
                Value::Text(self.text(usize::try_from(length).ok()?)?)
            }
            _ => return None,
        })
    }

    fn pairs(&mut self, depth: usize) -> Option<Vec<(String, Value)>> {
        let mut pairs = Vec::new();
        loop {
            if let Some(rest) = self.bytes.strip_prefix(&[0, 0, 9]) {
                self.bytes = rest;
                return Some(pairs);
            }
            let key = self.short()?;
            pairs.push((key, self.value(depth)?));
        }
    }

    fn short(&mut self) -> Option<String> {
        let length = u16::from_be_bytes(self.take()?);
        self.text(usize::from(length))
    }

    fn text(&mut self, length: usize) -> Option<String> {
        let (text, rest) = self.bytes.split_at_checked(length)?;
        self.bytes = rest;
        Some(String::from_utf8_lossy(text).into_owned())
    }

    fn take<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (bytes, rest) = self.bytes.split_first_chunk::<N>()?;
        self.bytes = rest;
        Some(*bytes)
    }
}

pub(crate) fn write(values: &[Value]) -> Vec<u8> {
    let mut out = Vec::new();
    for value in values {
        write_value(&mut out, value);
    }
    out
}

fn write_value(out: &mut Vec<u8>, value: &Value) {
    match value {
        Value::Number(number) => {
            out.push(0);
            out.extend(number.to_be_bytes());
        }
        Value::Boolean(yes) => out.extend([1, u8::from(*yes)]),
        Value::Text(text) => {
            out.push(2);
            write_text(out, text);
        }
        Value::Object(pairs) => {
            out.push(3);
            for (key, value) in pairs {
                write_text(out, key);
                write_value(out, value);
            }
            out.extend([0, 0, 9]);
        }
        Value::List(list) => {
            out.push(10);
            out.extend(u32::try_from(list.len()).unwrap_or(u32::MAX).to_be_bytes());
            for value in list {
                write_value(out, value);
            }
        }
        Value::Null => out.push(5),
    }
}

/// What we say is short.
fn write_text(out: &mut Vec<u8>, text: &str) {
    let length = u16::try_from(text.len()).unwrap_or(u16::MAX);
    out.extend(length.to_be_bytes());
    out.extend_from_slice(&text.as_bytes()[..usize::from(length)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_is_read() {
        let values = [
            Value::Text("connect".to_owned()),
            Value::Number(1.0),
            Value::Object(vec![
                ("app".to_owned(), Value::Text("live".to_owned())),
                (
                    "deep".to_owned(),
                    Value::Object(vec![("yes".to_owned(), Value::Boolean(true))]),
                ),
            ]),
            Value::List(vec![Value::Null, Value::Number(-2.5)]),
            Value::Null,
        ];
        assert_eq!(read(&write(&values)).expect("values"), values);
    }

    #[test]
    fn depth_and_number_have_ends() {
        let deep: Vec<u8> = std::iter::repeat_n([3, 0, 1, b'x'], 1000)
            .flatten()
            .collect();
        assert_eq!(read(&deep), None);
        assert_eq!(read(&[5; MOST]).map(|values| values.len()), Some(MOST));
        assert_eq!(read(&[5; MOST + 1]), None);
        assert_eq!(read(&[10, 255, 255, 255, 255]), None);
        assert_eq!(read(&[12, 255, 255, 255, 255, b'x']), None);
        assert_eq!(read(&[3, 0, 0]), None);
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(0..16_u8, 0..200)) {
            let _ = read(&bytes);
        }
    }
}

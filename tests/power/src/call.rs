//! One line of strace, taken apart: `12 openat(AT_FDCWD<\x2f>, "\x61", O_CREAT) = 3<\x2f\x61>`.

use std::{ffi::OsStr, os::unix::ffi::OsStrExt, path::PathBuf};

/// A call that came back, or one that begins (then without a result).
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Call<'a> {
    pub(crate) name: &'a str,
    arguments: Vec<&'a str>,
    /// What it came back with: a number, and of an opened file `3<path>`.
    pub(crate) result: &'a str,
}

impl<'a> Call<'a> {
    /// None: the line tells of no call.
    pub(crate) fn parse(line: &'a str) -> Option<Self> {
        let (name, rest) = line.split_once('(')?;
        if name.is_empty()
            || !name
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || byte == b'_')
        {
            return None;
        }
        let (arguments, result) = match rest.rsplit_once(" = ") {
            Some((arguments, result)) => (arguments.trim_end().strip_suffix(')')?, result),
            None => (rest, ""),
        };
        Some(Self {
            name,
            arguments: split(arguments),
            result,
        })
    }

    pub(crate) fn went_well(&self) -> bool {
        self.result
            .starts_with(|first: char| first.is_ascii_digit())
    }

    pub(crate) fn argument(&self, at: usize) -> &'a str {
        self.arguments.get(at).copied().unwrap_or_default()
    }

    pub(crate) fn number(&self, at: usize) -> u64 {
        self.argument(at)
            .parse()
            .unwrap_or_else(|_| panic!("no number at {at} of {self:?}"))
    }

    pub(crate) fn fd(&self, at: usize) -> Fd {
        Fd::parse(self.argument(at)).unwrap_or_else(|| panic!("no descriptor at {at} of {self:?}"))
    }

    /// The descriptor that it came back with.
    pub(crate) fn opened(&self) -> Option<Fd> {
        Fd::parse(self.result)
    }

    /// The path at `at`, which may lie below the descriptor before it.
    pub(crate) fn path_below(&self, at: usize) -> PathBuf {
        let path = self.named(at);
        match Fd::parse(self.argument(at - 1)) {
            Some(folder) if path.is_relative() => folder.path.join(path),
            _ => path,
        }
    }

    /// A path that lies below nothing.
    pub(crate) fn path(&self, at: usize) -> PathBuf {
        let path = self.named(at);
        // Below which folder is not told with the call.
        assert!(path.is_absolute(), "not known: {self:?}");
        path
    }

    fn named(&self, at: usize) -> PathBuf {
        PathBuf::from(OsStr::from_bytes(&bytes(self.argument(at))))
    }

    /// What is written: one text, or those of a vector.
    pub(crate) fn written(&self, at: usize) -> Vec<u8> {
        let all = bytes(self.argument(at));
        let count: usize = self.result.parse().unwrap_or(all.len());
        all[..count.min(all.len())].to_vec()
    }
}

/// A descriptor and what it leads to.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Fd {
    pub(crate) number: i32,
    pub(crate) path: PathBuf,
}

impl Fd {
    fn parse(text: &str) -> Option<Self> {
        let (number, path) = text.split_once('<')?;
        Some(Self {
            number: number.parse().unwrap_or(-1),
            path: PathBuf::from(OsStr::from_bytes(&unescaped(path.split('>').next()?))),
        })
    }
}

/// At the commas that stand in no bracket and no quote. Texts are all in hex, so that they hold neither.
fn split(arguments: &str) -> Vec<&str> {
    let (mut parts, mut depth, mut begin, mut quoted) = (Vec::new(), 0_i32, 0, false);
    for (at, letter) in arguments.char_indices() {
        match letter {
            '"' => quoted = !quoted,
            '[' | '{' | '(' => depth += 1,
            ']' | '}' | ')' => depth -= 1,
            ',' if depth == 0 && !quoted => {
                parts.push(arguments[begin..at].trim());
                begin = at + 1;
            }
            _ => {}
        }
    }
    parts.push(arguments[begin..].trim());
    parts
}

/// All that stands in quotes.
fn bytes(argument: &str) -> Vec<u8> {
    assert!(!argument.ends_with("..."), "strace has cut a text short");
    argument
        .split('"')
        .skip(1)
        .step_by(2)
        .flat_map(unescaped)
        .collect()
}

fn unescaped(text: &str) -> Vec<u8> {
    let Some(first) = text.strip_prefix("\\x") else {
        return text.as_bytes().to_vec();
    };
    let byte = |hex| u8::from_str_radix(hex, 16).unwrap_or_else(|_| panic!("no hex: {text}"));
    first.split("\\x").map(byte).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_taken_apart() {
        let line = r#"openat(AT_FDCWD<\x2f\x74>, "\x61\x2c\x62", O_WRONLY|O_CREAT, 0600) = 3<\x2f\x74\x2f\x61>"#;
        let call = Call::parse(line).expect("a call");
        assert_eq!((call.name, call.went_well()), ("openat", true));
        assert_eq!(call.path_below(1), PathBuf::from("/t/a,b"));
        assert_eq!(call.argument(2), "O_WRONLY|O_CREAT");
        let opened = call.opened().expect("a file");
        assert_eq!((opened.number, opened.path), (3, PathBuf::from("/t/a")));

        let line = r#"writev(4<\x2f\x61>, [{iov_base="\x61", iov_len=1}, {iov_base="\x62\x63", iov_len=2}], 2) = 2"#;
        let call = Call::parse(line).expect("a call");
        assert_eq!(call.written(1), b"ab", "as much as was written");
        assert_eq!(call.fd(0).number, 4);

        let failed = Call::parse(r#"unlink("\x61") = -1 ENOENT (No such file or directory)"#);
        assert!(!failed.expect("a call").went_well());
        for none in ["+++ exited with 0 +++", "--- SIGTERM ---", ""] {
            assert_eq!(Call::parse(none), None, "{none}");
        }
    }
}

//! A publisher's side of the talk (§7.2): connect, create a stream, publish; then media.

use super::Violation;
use super::amf::{self, Value};
use super::chunk::{self, Message, Reader, kind};
use super::handshake::Handshake;

/// Bytes that a stranger may send before a key is shown.
const MOST_BEFORE_PUBLISH: u64 = 64 << 10;
const COMMAND_STREAM: u8 = 3;
const MEDIA_STREAM: u32 = 1;
/// We acknowledge every so many bytes, and ask the same of the other side (§5.4.4).
const WINDOW: u32 = 2_500_000;

/// What the publisher says.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Said {
    /// It wants to publish with this key: answer with [`Session::accept`] or [`Session::refuse`].
    Publish {
        key: String,
    },
    /// An FLV video tag's body, at the publisher's clock.
    Video {
        time: u32,
        body: Vec<u8>,
    },
    Audio {
        time: u32,
        body: Vec<u8>,
    },
    /// It is done.
    Leaves,
}

#[derive(Debug)]
enum Stage {
    Handshake(Handshake),
    Talk,
    Asked,
    Publishing,
}

/// One connection.
#[derive(Debug)]
pub(crate) struct Session {
    stage: Stage,
    reader: Reader,
    received: u64,
    acknowledged: u64,
    /// What is to be sent.
    pub(crate) out: Vec<u8>,
}

impl Session {
    pub(crate) fn new() -> Self {
        Self {
            stage: Stage::Handshake(Handshake::default()),
            reader: Reader::new(),
            received: 0,
            acknowledged: 0,
            out: Vec::new(),
        }
    }

    pub(crate) fn is_publishing(&self) -> bool {
        matches!(self.stage, Stage::Publishing)
    }

    /// Takes bytes off the wire; what they say goes to `said`.
    pub(crate) fn feed(&mut self, mut bytes: &[u8], said: &mut Vec<Said>) -> Result<(), Violation> {
        self.received += bytes.len() as u64;
        if !self.is_publishing() && self.received > MOST_BEFORE_PUBLISH {
            return Err(Violation::TooTalkative);
        }
        if let Stage::Handshake(handshake) = &mut self.stage {
            if !handshake.read(&mut bytes, &mut self.out)? {
                return Ok(());
            }
            self.stage = Stage::Talk;
        }
        self.reader.feed(bytes);
        while let Some(message) = self.reader.next()? {
            self.hear(message, said)?;
        }
        self.acknowledge();
        Ok(())
    }

    fn acknowledge(&mut self) {
        if self.received - self.acknowledged >= u64::from(WINDOW) / 2 {
            self.acknowledged = self.received;
            // The number wraps (§5.4.3).
            #[allow(clippy::cast_possible_truncation, reason = "it wraps by definition")]
            let wrapped = self.received as u32;
            chunk::write(
                &mut self.out,
                2,
                kind::ACKNOWLEDGED,
                0,
                &wrapped.to_be_bytes(),
            );
        }
    }

    fn hear(&mut self, message: Message, said: &mut Vec<Said>) -> Result<(), Violation> {
        let Message {
            kind, time, body, ..
        } = message;
        match kind {
            kind::COMMAND => return self.command(&body, said),
            kind::VIDEO if self.is_publishing() => said.push(Said::Video { time, body }),
            kind::AUDIO if self.is_publishing() => said.push(Said::Audio { time, body }),
            // What a publisher says of itself is not asked: its frames tell.
            // Window sizes, pings and AMF 3 need no answer.
            _ => {}
        }
        Ok(())
    }

    fn command(&mut self, body: &[u8], said: &mut Vec<Said>) -> Result<(), Violation> {
        let values = amf::read(body).ok_or(Violation::BadCommand)?;
        let name = values
            .first()
            .and_then(Value::text)
            .ok_or(Violation::BadCommand)?;
        let transaction = values.get(1).and_then(Value::number).unwrap_or(0.0);
        match name {
            "connect" => self.connect(transaction),
            "createStream" => {
                let stream = Value::Number(f64::from(MEDIA_STREAM));
                self.answer(transaction, &[Value::Null, stream]);
            }
            "publish" if matches!(self.stage, Stage::Talk) => {
                let key = values
                    .get(3)
                    .and_then(Value::text)
                    .ok_or(Violation::BadCommand)?;
                // Some programs append a query of their own.
                let key = key.split('?').next().unwrap_or_default().to_owned();
                self.stage = Stage::Asked;
                said.push(Said::Publish { key });
            }
            "FCUnpublish" | "deleteStream" | "closeStream" if self.is_publishing() => {
                said.push(Said::Leaves);
            }
            "play" => return Err(Violation::BadCommand),
            // releaseStream, FCPublish, _checkbw: said for servers that need it.
            _ => {}
        }
        Ok(())
    }

    fn connect(&mut self, transaction: f64) {
        let window = WINDOW.to_be_bytes();
        chunk::write(&mut self.out, 2, kind::WINDOW, 0, &window);
        let dynamic = [window[0], window[1], window[2], window[3], 2];
        chunk::write(&mut self.out, 2, kind::BANDWIDTH, 0, &dynamic);
        let about = Value::Object(vec![
            ("fmsVer".to_owned(), Value::Text("FMS/3,0,1,123".to_owned())),
            ("capabilities".to_owned(), Value::Number(31.0)),
        ]);
        let status = status("status", "NetConnection.Connect.Success", "Welcome.");
        self.answer(transaction, &[about, status]);
    }

    /// The key is right.
    pub(crate) fn accept(&mut self) {
        self.stage = Stage::Publishing;
        self.tell("status", "NetStream.Publish.Start", "On air.");
    }

    /// It is not, or what comes cannot be sent on: the words are shown by the publisher's program.
    pub(crate) fn refuse(&mut self, code: &str, words: &str) {
        self.tell("error", code, words);
    }

    fn answer(&mut self, transaction: f64, rest: &[Value]) {
        let mut values = vec![
            Value::Text("_result".to_owned()),
            Value::Number(transaction),
        ];
        values.extend_from_slice(rest);
        chunk::write(
            &mut self.out,
            COMMAND_STREAM,
            kind::COMMAND,
            0,
            &amf::write(&values),
        );
    }

    fn tell(&mut self, level: &str, code: &str, words: &str) {
        let values = [
            Value::Text("onStatus".to_owned()),
            Value::Number(0.0),
            Value::Null,
            status(level, code, words),
        ];
        chunk::write(
            &mut self.out,
            5,
            kind::COMMAND,
            MEDIA_STREAM,
            &amf::write(&values),
        );
    }
}

fn status(level: &str, code: &str, words: &str) -> Value {
    let pairs = [("level", level), ("code", code), ("description", words)];
    let own = |(key, text): (&str, &str)| (key.to_owned(), Value::Text(text.to_owned()));
    Value::Object(pairs.into_iter().map(own).collect())
}

#[cfg(test)]
pub(crate) mod tests {
    use super::super::handshake::HALF;
    use super::*;

    /// What a publisher sends up to its key.
    pub(crate) fn opening(key: &str) -> Vec<u8> {
        let mut out = vec![3];
        out.resize(1 + 2 * HALF, 0);
        let text = |text: &str| Value::Text(text.to_owned());
        let commands = [
            vec![
                text("connect"),
                Value::Number(1.0),
                Value::Object(vec![("app".to_owned(), text("live"))]),
            ],
            vec![
                text("releaseStream"),
                Value::Number(2.0),
                Value::Null,
                text(key),
            ],
            vec![text("createStream"), Value::Number(4.0), Value::Null],
            vec![
                text("publish"),
                Value::Number(5.0),
                Value::Null,
                text(key),
                text("live"),
            ],
        ];
        for command in commands {
            chunk::write(&mut out, 3, kind::COMMAND, 1, &amf::write(&command));
        }
        out
    }

    #[test]
    fn a_publisher_is_asked_for_its_key_and_let_in() {
        let (mut session, mut said) = (Session::new(), Vec::new());
        session
            .feed(&opening("films_x?a=b"), &mut said)
            .expect("RTMP");
        assert_eq!(
            said,
            [Said::Publish {
                key: "films_x".to_owned()
            }]
        );
        said.clear();
        let mut media = Vec::new();
        chunk::write(&mut media, 4, kind::VIDEO, 1, b"video");
        session.feed(&media, &mut said).expect("RTMP");
        assert_eq!(said, [], "nothing counts before the key does");
        session.accept();
        session.feed(&media, &mut said).expect("RTMP");
        assert_eq!(
            said,
            [Said::Video {
                time: 0,
                body: b"video".to_vec()
            }]
        );
        let answers = String::from_utf8_lossy(&session.out).into_owned();
        for word in ["NetConnection.Connect.Success", "NetStream.Publish.Start"] {
            assert!(answers.contains(word), "{word}");
        }
    }

    #[test]
    fn strangers_may_not_talk_for_long() {
        let mut session = Session::new();
        let mut said = Vec::new();
        session.feed(&opening("k"), &mut said).expect("RTMP");
        let mut chatter = Vec::new();
        chunk::write(&mut chatter, 3, kind::AUDIO, 1, &vec![0; 60_000]);
        let found = (0..3).find_map(|_| session.feed(&chatter, &mut said).err());
        assert!(found.is_some());
    }

    proptest::proptest! {
        #[test]
        fn no_bytes_panic(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..600), at in 3073..3500_usize) {
            let mut whole = opening("films_x");
            whole.truncate(at);
            whole.extend(bytes);
            let (mut session, mut said) = (Session::new(), Vec::new());
            let _ = session.feed(&whole, &mut said);
            session.accept();
            let _ = session.feed(&whole, &mut said);
        }
    }
}

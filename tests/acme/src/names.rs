//! A name server that knows one address: every name leads to this machine.

use std::{
    io::{Read, Write},
    net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream},
    thread,
};

use anyhow::Result;

const HEAD: usize = 12;
/// RFC 1035 §3.2.2
const ADDRESS: u16 = 1;

/// Answers by TCP (RFC 7766), a thread a connection, as long as this process lives.
pub(crate) fn open() -> Result<SocketAddr> {
    let listener = TcpListener::bind("127.0.0.1:0")?;
    let address = listener.local_addr()?;
    thread::spawn(move || {
        for stream in listener.incoming().map_while(Result::ok) {
            thread::spawn(move || serve(stream));
        }
    });
    Ok(address)
}

/// Until the other side has no more questions.
fn serve(mut stream: TcpStream) -> std::io::Result<()> {
    loop {
        let mut length = [0; 2];
        stream.read_exact(&mut length)?;
        let mut question = vec![0; usize::from(u16::from_be_bytes(length))];
        stream.read_exact(&mut question)?;
        let Some(answer) = answer(&question) else {
            return Ok(());
        };
        let length = u16::try_from(answer.len()).unwrap_or(u16::MAX);
        stream.write_all(&length.to_be_bytes())?;
        stream.write_all(&answer)?;
    }
}

/// RFC 1035 §4.1. None: no question.
fn answer(question: &[u8]) -> Option<Vec<u8>> {
    let name = question.get(HEAD..)?;
    let end = HEAD + name.iter().position(|byte| *byte == 0)? + 1;
    let asked = question.get(end..end + 4)?;
    let is_address = u16::from_be_bytes([asked[0], asked[1]]) == ADDRESS;
    let mut answer = question[..2].to_vec();
    // An answer without fault; one question, and one record where there is one.
    answer.extend([0x81, 0x80, 0, 1, 0, u8::from(is_address), 0, 0, 0, 0]);
    answer.extend(&question[HEAD..end + 4]);
    if is_address {
        // The name of the question; kind and class; a second; four bytes.
        answer.extend([0xc0, 0x0c, 0, 1, 0, 1, 0, 0, 0, 1, 0, 4]);
        answer.extend(Ipv4Addr::LOCALHOST.octets());
    }
    Some(answer)
}

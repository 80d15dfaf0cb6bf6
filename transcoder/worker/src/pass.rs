//! One reading of the film's packets, for whatever is made in it.

use ffmpeg::Packet;
use ffmpeg::format::context::Input;
use ffmpeg_next as ffmpeg;
use satreel_film::fault::Fault;

use super::Report;
use super::board::Ready;
use super::input::Packets;
use super::picture::{Copied, Decoded};
use super::sound::Sound;

pub(super) struct Pass {
    pub(super) input: Input,
    /// The picture's stream in the file.
    pub(super) picture: Option<usize>,
    pub(super) copied: Option<Copied>,
    pub(super) decoded: Option<Decoded>,
    /// Each with its stream in the file.
    pub(super) sounds: Vec<(usize, Sound)>,
}

/// How far the film is made.
enum Made {
    Until(u64),
    Nothing,
    /// A rung has failed; what ends it tells why.
    Failed,
}

impl Pass {
    /// The whole film.
    pub(super) fn run(mut self, report: &mut Report) -> Result<Vec<Ready>, Fault> {
        let mut packets = Packets::default();
        while let Some(packet) = packets.next(&mut self.input)? {
            match self.take(&packet)? {
                Made::Until(us) => report.progress(us),
                Made::Nothing => report.looking(),
                Made::Failed => break,
            }
        }
        let mut finished = Vec::new();
        finished.extend(self.copied.map(Copied::finish).transpose()?);
        for (_, sound) in self.sounds {
            finished.push(sound.finish()?);
        }
        let encoded = self.decoded.map(Decoded::finish).transpose()?;
        finished.extend(encoded.unwrap_or_default());
        Ok(finished)
    }

    /// Its beginning: the picture until this time, and a segment of every sound.
    pub(super) fn run_until(mut self, end_us: u64, report: &mut Report) -> Result<(), Fault> {
        if let Some(decoded) = &mut self.decoded {
            decoded.only_until(end_us);
        }
        let mut packets = Packets::default();
        let mut shown_us = 0;
        while let Some(packet) = packets.next(&mut self.input)? {
            let is_picture = Some(packet.stream()) == self.picture;
            if is_picture && shown_us >= end_us {
                let heard = self.sounds.iter().all(|(_, sound)| sound.segments() > 0);
                if heard {
                    break;
                }
                continue;
            }
            match self.take(&packet)? {
                Made::Until(us) => shown_us = shown_us.max(us),
                Made::Nothing => {}
                Made::Failed => break,
            }
            report.looking();
        }
        // What sounds hold beyond their first segment is made again with all the rest.
        self.decoded.map_or(Ok(()), Decoded::pause)
    }

    fn take(&mut self, packet: &Packet) -> Result<Made, Fault> {
        let stream = packet.stream();
        if Some(stream) == self.picture {
            return self.take_picture(packet);
        }
        let alone = self.picture.is_none();
        let Some((_, sound)) = self.sounds.iter_mut().find(|(of, _)| *of == stream) else {
            return Ok(Made::Nothing);
        };
        let until = sound.push(packet)?;
        Ok(if alone {
            Made::Until(until)
        } else {
            Made::Nothing
        })
    }

    fn take_picture(&mut self, packet: &Packet) -> Result<Made, Fault> {
        if let Some(copied) = &mut self.copied {
            copied.push(packet)?;
        }
        let Some(decoded) = &mut self.decoded else {
            return Ok(Made::Nothing);
        };
        Ok(decoded.push(packet)?.map_or(Made::Failed, Made::Until))
    }
}

//! The worker's process: a thread that starts it and hands it frames, one that hears it. Queues are
//! bounded, and nobody waits at them: a worker that is behind by so much is at an end.

use std::collections::VecDeque;
use std::fs::File;
use std::io::{self, BufReader, PipeWriter, Write as _};
use std::os::fd::OwnedFd;
use std::process::ChildStdout;
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};

use rustix::process::{Pid, Signal, kill_process_group};
use satreel_film::protocol::Errand;
use satreel_film::rungs::{Feed, RungsOrder, Said};

use super::{Heard, Maker, Makers};
use crate::supervisor::{Worker, start};

/// Bytes on the way, each way. Four seconds of the fastest uplink that we advise are a third of it.
const MOST_BYTES: usize = 32 << 20;

/// Real workers.
#[derive(Debug)]
pub(crate) struct Workers;

impl Makers for Workers {
    fn start(&self, order: RungsOrder) -> Box<dyn Maker> {
        let line = Line::default();
        let own = line.clone();
        let errand = Errand::Rungs(order);
        // The worker ends with the thread that started it, so that is none of a publisher's.
        let spawned = std::thread::Builder::new()
            .name("rungs".to_owned())
            .spawn(move || {
                let why = own.serve(&errand).err();
                own.end(&why.unwrap_or_else(|| "it ended".to_owned()));
            });
        if let Err(error) = spawned {
            line.end(&error.to_string());
        }
        Box::new(Process(line))
    }
}

#[derive(Debug)]
struct Process(Line);

impl Maker for Process {
    fn feed(&mut self, feed: &Feed) {
        let mut queues = self.0.lock();
        let record = feed.record();
        queues.bytes += record.len();
        queues.frames.push_back(record);
        let is_full = queues.bytes > MOST_BYTES;
        drop(queues);
        if is_full {
            self.0.end("it is too slow");
        }
        self.0.news.notify_one();
    }

    fn hear(&mut self) -> Vec<Heard> {
        let mut queues = self.0.lock();
        queues.said_bytes = 0;
        let mut heard: Vec<Heard> = queues.said.drain(..).map(Heard::Said).collect();
        heard.extend(queues.ended.clone().map(Heard::Ended));
        heard
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.end("it is not needed any more");
    }
}

/// What the threads and the broadcast share.
#[derive(Debug, Default, Clone)]
struct Line(Arc<Shared>);

#[derive(Debug, Default)]
struct Shared {
    queues: Mutex<Queues>,
    news: Condvar,
}

impl std::ops::Deref for Line {
    type Target = Shared;

    fn deref(&self) -> &Shared {
        &self.0
    }
}

#[derive(Debug, Default)]
struct Queues {
    frames: VecDeque<Vec<u8>>,
    bytes: usize,
    said: Vec<Said>,
    said_bytes: usize,
    ended: Option<String>,
    /// The worker's group, as long as its number is nobody else's.
    group: Option<Pid>,
}

impl Line {
    fn lock(&self) -> MutexGuard<'_, Queues> {
        self.queues.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The first reason counts.
    fn end(&self, why: &str) {
        let mut queues = self.lock();
        queues.ended.get_or_insert_with(|| why.to_owned());
        queues.frames.clear();
        // SECURITY: one that neither reads nor ends would hold up who writes to it for ever, and use a
        // core meanwhile.
        if let Some(group) = queues.group.take() {
            let _ = kill_process_group(group, Signal::KILL);
        }
        self.news.notify_one();
    }

    /// Until there is nothing more to make.
    fn serve(&self, errand: &Errand) -> Result<(), String> {
        let (from, to) = io::pipe().map_err(|error| error.to_string())?;
        let frames = File::from(OwnedFd::from(from));
        let worker = start(errand, &frames).map_err(|fault| fault.to_string())?;
        drop(frames);
        self.talk(worker, to)
    }

    fn talk(&self, mut worker: Worker, mut to: PipeWriter) -> Result<(), String> {
        let out = worker.output().ok_or("no pipe")?;
        self.lock().group = worker.id();
        let ear = self.clone();
        let listener = std::thread::Builder::new()
            .name("rungs' words".to_owned())
            .spawn(move || ear.listen(out))
            .map_err(|error| error.to_string())?;
        while let Some(record) = self.next() {
            if to.write_all(&record).is_err() {
                break;
            }
        }
        self.lock().group = None;
        // SECURITY: whatever it is doing, its group ends here; so does the pipe that is listened to.
        drop((to, worker));
        let _ = listener.join();
        Ok(())
    }

    /// None: it has ended.
    fn next(&self) -> Option<Vec<u8>> {
        let mut queues = self.lock();
        loop {
            if queues.ended.is_some() {
                return None;
            }
            if let Some(record) = queues.frames.pop_front() {
                queues.bytes -= record.len();
                return Some(record);
            }
            let waited = self.news.wait(queues);
            queues = waited.unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn listen(&self, out: ChildStdout) {
        let mut from = BufReader::with_capacity(64 << 10, out);
        let why = loop {
            match Said::read(&mut from) {
                Ok(Some(said)) => {
                    let mut queues = self.lock();
                    if let Said::Packet { data, .. } | Said::Format { record: data, .. } = &said {
                        queues.said_bytes += data.len() + size_of::<Said>();
                    }
                    queues.said.push(said);
                    if queues.said_bytes > MOST_BYTES {
                        break "it says too much".to_owned();
                    }
                }
                Ok(None) => break "it died".to_owned(),
                Err(error) => break format!("it told {error}"),
            }
        };
        self.end(&why);
    }
}

impl Worker {
    fn output(&mut self) -> Option<ChildStdout> {
        self.child.stdout.take()
    }
}

#[cfg(test)]
mod tests {
    use std::process::Command;

    use satreel_film::rungs::Feed;

    use super::*;

    /// A worker that reads nothing, says nothing and does not end.
    fn stuck(frames: &File) -> Worker {
        Worker::start(Command::new("/bin/sleep").arg("1000000"), frames).expect("it runs")
    }

    #[test]
    fn a_worker_that_is_stuck_holds_nobody_up() {
        let line = Line::default();
        let (from, to) = io::pipe().expect("a pipe");
        let frames = File::from(OwnedFd::from(from));
        let worker = stuck(&frames);
        drop(frames);
        let talk = std::thread::spawn({
            let line = line.clone();
            move || line.talk(worker, to)
        });
        let mut process = Process(line);
        // More than a pipe holds: whoever writes it waits for the worker.
        for _ in 0..4 {
            process.feed(&Feed::Frame {
                key: true,
                cut: true,
                data: vec![0; 64 << 10],
            });
        }
        while process.0.lock().group.is_none() {
            std::thread::yield_now();
        }
        drop(process);
        assert_eq!(talk.join().expect("no panic"), Ok(()));
    }
}

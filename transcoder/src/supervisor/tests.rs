//! Whatever a worker does: shell scripts in its place.

use std::time::Instant;

use rustix::process::Pid;

use super::*;

const SHORT: Patience = Patience {
    standing: Duration::from_millis(300),
    looking: Duration::from_millis(300),
};

/// What becomes of a worker that behaves like this, and whether anything of it is left.
fn supervised(script: &str) -> (Result<(), Fault>, bool) {
    let film = File::open("/dev/null").expect("an input");
    let mut command = Command::new("/bin/sh");
    let worker = Worker::start(command.args(["-c", script]), &film).expect("it starts");
    let group = i32::try_from(worker.child.id())
        .ok()
        .and_then(Pid::from_raw);
    let result = listen_to(worker, SHORT, &Control::default(), None, |_| Ok(()));
    (result, outlives(group.expect("a group")))
}

/// The kernel takes a moment to end those that are nobody's children here.
fn outlives(group: Pid) -> bool {
    let since = Instant::now();
    while lives(group) {
        if since.elapsed() > Duration::from_secs(10) {
            return true;
        }
        std::thread::yield_now();
    }
    false
}

/// Whether a process of the group is more than an entry that nobody has read yet.
fn lives(group: Pid) -> bool {
    let group = group.as_raw_nonzero().to_string();
    let all = std::fs::read_dir("/proc").expect("processes").flatten();
    let states = all.filter_map(|one| std::fs::read_to_string(one.path().join("stat")).ok());
    states.into_iter().any(|stat| {
        let fields: Vec<&str> = stat
            .rsplit(')')
            .next()
            .unwrap_or("")
            .split_whitespace()
            .collect();
        fields.get(2) == Some(&group.as_str()) && !matches!(fields.first(), Some(&("Z" | "X")))
    })
}

fn word(result: &Result<(), Fault>) -> String {
    let fault = result.as_ref().err().map(serde_json::to_value);
    let fault = fault.and_then(Result::ok).unwrap_or_default();
    fault["fault"].as_str().unwrap_or("none").to_owned()
}

#[test]
fn whatever_a_worker_does_it_is_gone_afterwards() {
    for (script, expected) in [
        (r#"echo '{"message":"done"}'"#, "none"),
        (r#"echo '{"message":"done"}'; exit 3"#, "crashed"),
        (r#"echo '{"message":"done"}'; exec sleep 30"#, "stalled"),
        ("exec sleep 30", "stalled"),
        ("exec >&-; exec sleep 30", "stalled"),
        (
            r#"while :; do echo '{"message":"looking"}'; done"#,
            "stalled",
        ),
        (
            r#"while :; do echo '{"message":"progress","done_us":7}'; done"#,
            "stalled",
        ),
        ("sleep 30 & sleep 30 & wait", "stalled"),
        (r#"sleep 30 & echo '{"message":"done"}'"#, "none"),
        ("sleep 30 & exit 0", "stalled"),
        ("echo nonsense; exec sleep 30", "crashed"),
        ("exec head -c 1000000 /dev/zero", "crashed"),
        ("exit 0", "crashed"),
        ("kill -9 $$", "crashed"),
        ("kill -31 $$", "forbidden"),
        (
            r#"echo '{"message":"failed","fault":{"fault":"empty"}}'; exec sleep 30"#,
            "empty",
        ),
    ] {
        let (result, left) = supervised(script);
        assert_eq!(word(&result), expected, "{script}: {result:?}");
        assert!(!left, "{script} left something behind");
    }
}

#[test]
fn a_worker_that_never_rests_can_be_stopped() {
    let film = File::open("/dev/null").expect("an input");
    let script =
        r#"n=0; while :; do n=$((n+1)); echo "{\"message\":\"progress\",\"done_us\":$n}"; done"#;
    let mut command = Command::new("/bin/sh");
    let worker = Worker::start(command.args(["-c", script]), &film).expect("it starts");
    let control = Control::default();
    let result = listen_to(worker, PATIENCE, &control, None, |_| {
        control.say(Word::Stop);
        Ok(())
    });
    assert_eq!(result, Err(Fault::Stopped));
}

const COUNTS: &str = r#"n=0; while [ $n -lt 20 ]; do n=$((n+1)); echo "{\"message\":\"progress\",\"done_us\":$n}"; done;
    echo '{"message":"done"}'"#;

#[test]
fn a_paused_worker_stands_still_and_goes_on() {
    let film = File::open("/dev/null").expect("an input");
    let mut command = Command::new("/bin/sh");
    let worker = Worker::start(command.args(["-c", COUNTS]), &film).expect("it starts");
    let stat = format!("/proc/{}/stat", worker.child.id());
    let control = Control::default();
    control.say(Word::Pause);
    let mut told = Vec::new();
    let result = listen_to(worker, SHORT, &control, None, |heard| {
        match heard {
            Heard::Standing(why) => {
                // The signal is sent; on a busy machine the kernel delivers it a little later.
                let asked = Instant::now();
                let stands = || {
                    let stat = std::fs::read_to_string(&stat).expect("it is there");
                    stat.contains(") T ") || stat.contains(") Z ")
                };
                while !stands() {
                    assert!(asked.elapsed() < Duration::from_secs(10), "it runs on");
                    std::thread::yield_now();
                }
                told.push(format!("{why:?}"));
                control.say(Word::Go);
            }
            Heard::GoingOn => told.push("on".to_owned()),
            Heard::Told(_) => {}
        }
        Ok(())
    });
    assert_eq!(
        (result, told),
        (Ok(()), vec!["Paused".to_owned(), "on".to_owned()])
    );
}

#[test]
fn a_full_disk_holds_the_worker_until_there_is_room() {
    let folder = tempfile::tempdir().expect("a folder");
    let around = |keep_free| Surroundings {
        live: folder.path().join("live"),
        disk: folder.path().to_owned(),
        keep_free,
    };
    let film = File::open("/dev/null").expect("an input");
    let mut command = Command::new("/bin/sh");
    let worker = Worker::start(command.args(["-c", COUNTS]), &film).expect("it starts");
    let control = Control::default();
    let mut held = 0;
    let full = around(u64::MAX / 2);
    let result = listen_to(worker, SHORT, &control, Some(&full), |heard| {
        if let Heard::Standing(Standstill::Held(low)) = heard {
            assert!(low.to_string().contains("keep_free_mb"));
            held += 1;
            control.say(Word::Cancel);
        }
        Ok(())
    });
    assert_eq!((result, held), (Err(Fault::Cancelled), 1));
}

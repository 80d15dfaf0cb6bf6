//! seccomp: the system calls that making a film takes, and no others.
//!
//! SECURITY: three filters, of which the kernel takes the strictest answer.
//! - What no film ever needs and a taken-over process needs first (running a program, a new
//!   process, a socket, another process's memory) ends the worker: the supervisor hears of it.
//! - `clone3` does not exist here, so that threads are made by `clone`, whose flags can be read.
//! - Everything that is not on the list is refused with EPERM, which libraries take as a no.
//!
//! Pointers can't be looked at, so paths are [`super::fence`]'s affair.

use std::collections::BTreeMap;

use libc::c_long;
use seccompiler::SeccompCmpArgLen::{Dword, Qword};
use seccompiler::SeccompCmpOp::{Eq, MaskedEq};
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCondition, SeccompFilter, SeccompRule,
    TargetArch, apply_filter_all_threads,
};

use super::Layer;

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

/// Reading and writing what is open, files in the folder, memory, threads, time.
const ALLOWED: &[c_long] = &[
    libc::SYS_read,
    libc::SYS_readv,
    libc::SYS_pread64,
    libc::SYS_preadv,
    libc::SYS_write,
    libc::SYS_writev,
    libc::SYS_pwrite64,
    libc::SYS_pwritev,
    libc::SYS_lseek,
    libc::SYS_close,
    libc::SYS_dup,
    libc::SYS_dup3,
    libc::SYS_fstat,
    libc::SYS_newfstatat,
    libc::SYS_statx,
    libc::SYS_faccessat,
    libc::SYS_faccessat2,
    libc::SYS_getdents64,
    libc::SYS_fsync,
    libc::SYS_fdatasync,
    libc::SYS_ftruncate,
    libc::SYS_fallocate,
    libc::SYS_fadvise64,
    libc::SYS_mkdirat,
    libc::SYS_unlinkat,
    libc::SYS_renameat,
    libc::SYS_renameat2,
    libc::SYS_mmap,
    libc::SYS_munmap,
    libc::SYS_mremap,
    libc::SYS_mprotect,
    libc::SYS_madvise,
    libc::SYS_brk,
    libc::SYS_futex,
    libc::SYS_set_robust_list,
    libc::SYS_rseq,
    libc::SYS_membarrier,
    libc::SYS_exit,
    libc::SYS_exit_group,
    libc::SYS_sched_yield,
    libc::SYS_sched_getaffinity,
    libc::SYS_gettid,
    libc::SYS_getpid,
    libc::SYS_rt_sigaction,
    libc::SYS_rt_sigprocmask,
    libc::SYS_rt_sigreturn,
    libc::SYS_sigaltstack,
    libc::SYS_restart_syscall,
    libc::SYS_ppoll,
    libc::SYS_nanosleep,
    libc::SYS_clock_nanosleep,
    libc::SYS_clock_gettime,
    libc::SYS_clock_getres,
    libc::SYS_gettimeofday,
    libc::SYS_times,
    libc::SYS_getrusage,
    libc::SYS_getrandom,
    libc::SYS_sysinfo,
    libc::SYS_uname,
    // Answered by another filter: not there.
    libc::SYS_clone3,
];

/// Older names of the same calls.
#[cfg(target_arch = "x86_64")]
const ALLOWED_HERE: &[c_long] = &[
    libc::SYS_stat,
    libc::SYS_lstat,
    libc::SYS_access,
    libc::SYS_dup2,
    libc::SYS_mkdir,
    libc::SYS_rmdir,
    libc::SYS_unlink,
    libc::SYS_rename,
    libc::SYS_poll,
    libc::SYS_time,
];
#[cfg(not(target_arch = "x86_64"))]
const ALLOWED_HERE: &[c_long] = &[];

/// Ends the worker.
const FATAL: &[c_long] = &[
    libc::SYS_execve,
    libc::SYS_execveat,
    libc::SYS_socket,
    libc::SYS_socketpair,
    libc::SYS_connect,
    libc::SYS_bind,
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_io_uring_setup,
    libc::SYS_bpf,
    libc::SYS_userfaultfd,
    libc::SYS_perf_event_open,
    libc::SYS_keyctl,
    libc::SYS_add_key,
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_init_module,
    libc::SYS_finit_module,
];

#[cfg(target_arch = "x86_64")]
const FATAL_HERE: &[c_long] = &[libc::SYS_fork, libc::SYS_vfork];
#[cfg(not(target_arch = "x86_64"))]
const FATAL_HERE: &[c_long] = &[];

/// Puts the filters up, for this thread and all that it will start.
pub(super) fn filter() -> Layer {
    match programs() {
        Ok(programs) => {
            let applied = programs.iter().try_for_each(|program| {
                // The crate's own way to set no-new-privileges again is harmless.
                apply_filter_all_threads(program)
            });
            match applied {
                Ok(()) => Layer::Holds(format!("{} calls", ALLOWED.len() + ALLOWED_HERE.len())),
                Err(error) => Layer::Missing(error.to_string()),
            }
        }
        Err(error) => Layer::Missing(error.to_string()),
    }
}

fn programs() -> Result<[BpfProgram; 3], BackendError> {
    let refused = errno(libc::EPERM);
    let no_such_call = errno(libc::ENOSYS);
    Ok([
        program(fatal()?, SeccompAction::Allow, SeccompAction::KillProcess)?,
        program(
            BTreeMap::from([(libc::SYS_clone3, Vec::new())]),
            SeccompAction::Allow,
            no_such_call,
        )?,
        // Last: it refuses what the others need to be put up.
        program(allowed()?, refused, SeccompAction::Allow)?,
    ])
}

/// `matched` for what the rules say, `other` for everything else.
fn program(
    rules: Rules,
    other: SeccompAction,
    matched: SeccompAction,
) -> Result<BpfProgram, BackendError> {
    let here = TargetArch::try_from(std::env::consts::ARCH)?;
    SeccompFilter::new(rules, other, matched, here)?.try_into()
}

fn errno(number: i32) -> SeccompAction {
    SeccompAction::Errno(number.unsigned_abs())
}

fn fatal() -> Result<Rules, BackendError> {
    let always = FATAL.iter().chain(FATAL_HERE);
    let mut rules: Rules = always.map(|call| (*call, Vec::new())).collect();
    let thread = flag(libc::CLONE_THREAD);
    let process = rule([masked(0, thread, 0)?])?;
    rules.insert(libc::SYS_clone, vec![process]);
    Ok(rules)
}

fn allowed() -> Result<Rules, BackendError> {
    let always = ALLOWED.iter().chain(ALLOWED_HERE);
    let mut rules: Rules = always.map(|call| (*call, Vec::new())).collect();
    let thread = flag(libc::CLONE_THREAD);
    rules.insert(libc::SYS_clone, vec![rule([masked(0, thread, thread)?])?]);
    rules.insert(libc::SYS_openat, opening()?);
    rules.insert(libc::SYS_fcntl, of_words(1, FCNTL)?);
    rules.insert(libc::SYS_prctl, of_words(0, &[libc::PR_SET_NAME])?);
    // How a process ends itself. Other processes get no signal from here.
    let own = i32::try_from(std::process::id()).unwrap_or_default();
    rules.insert(libc::SYS_tgkill, of_words(0, &[own])?);
    Ok(rules)
}

/// What is asked of descriptors; not among them: to send signals to others.
const FCNTL: &[i32] = &[
    libc::F_DUPFD,
    libc::F_DUPFD_CLOEXEC,
    libc::F_GETFD,
    libc::F_SETFD,
    libc::F_GETFL,
    libc::F_SETFL,
];

/// Before its third version Landlock let a file be emptied by whoever may only read it.
fn opening() -> Result<Vec<SeccompRule>, BackendError> {
    let (empty, mode) = (flag(libc::O_TRUNC), flag(libc::O_ACCMODE));
    [
        masked(2, empty, 0)?,
        masked(2, mode, flag(libc::O_WRONLY))?,
        masked(2, mode, flag(libc::O_RDWR))?,
    ]
    .map(|condition| rule([condition]))
    .into_iter()
    .collect()
}

/// One rule for each value that an argument may have.
fn of_words(argument: u8, words: &[i32]) -> Result<Vec<SeccompRule>, BackendError> {
    words
        .iter()
        .map(|word| rule([SeccompCondition::new(argument, Dword, Eq, flag(*word))?]))
        .collect()
}

fn masked(argument: u8, mask: u64, value: u64) -> Result<SeccompCondition, BackendError> {
    SeccompCondition::new(argument, Qword, MaskedEq(mask), value)
}

fn rule<const N: usize>(conditions: [SeccompCondition; N]) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(conditions.into())
}

fn flag(bits: i32) -> u64 {
    u64::from(bits.unsigned_abs())
}

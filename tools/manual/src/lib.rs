//! Manual pages and completions, made of the same description that reads the arguments, so that they
//! can't say anything else.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use clap::{CommandFactory, ValueHint};
use clap_complete::Shell;

/// A hidden command of each program: what `make install` calls.
#[derive(Debug, clap::Args)]
pub struct Args {
    /// The folder to fill: `man1/`, `bash/`, `zsh/`, `fish/`
    #[arg(value_hint = ValueHint::DirPath)]
    folder: PathBuf,
}

impl Args {
    /// Writes what there is to say of a program.
    pub fn write<Cli: CommandFactory>(&self) -> io::Result<()> {
        write(&Cli::command(), &self.folder)
    }
}

fn write(command: &clap::Command, folder: &Path) -> io::Result<()> {
    let within = |name: &str| {
        let path = folder.join(name);
        fs::create_dir_all(&path).map(|()| path)
    };
    clap_mangen::generate_to(command.clone(), within("man1")?)?;
    let name = command.get_name().to_owned();
    for (shell, place) in [
        (Shell::Bash, "bash"),
        (Shell::Zsh, "zsh"),
        (Shell::Fish, "fish"),
    ] {
        clap_complete::generate_to(shell, &mut command.clone(), &name, within(place)?)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_that_is_shown_has_a_page_and_is_completed() {
        let command = clap::Command::new("tool")
            .about("Does things")
            .subcommand(clap::Command::new("paint").about("Paints"))
            .subcommand(clap::Command::new("secret").hide(true));
        let folder = tempfile::tempdir().expect("a folder");
        write(&command, folder.path()).expect("written");
        let read = |name: &str| fs::read_to_string(folder.path().join(name)).expect(name);
        assert!(read("man1/tool.1").contains("Does things"));
        assert!(read("man1/tool-paint.1").contains("Paints"));
        for name in ["bash/tool.bash", "zsh/_tool", "fish/tool.fish"] {
            assert!(read(name).contains("paint"), "{name}");
        }
        assert!(!folder.path().join("man1/tool-secret.1").exists());
    }
}

//! Secrets by reference. The file says where a secret is, never what it is.

use std::{fmt, fs, io, path::PathBuf};

use zeroize::Zeroizing;

/// Where a secret is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Secret {
    /// The whole file, line breaks at its end dropped.
    File(PathBuf),
    /// A systemd credential (`LoadCredential=`), by its name.
    Credential(String),
    /// An environment variable, by its name.
    Env(String),
}

/// A secret's text. Hidden in `Debug`, wiped when dropped, never serialised.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretString(Zeroizing<String>);

impl SecretString {
    pub fn new(text: String) -> Self {
        Self(Zeroizing::new(text))
    }

    /// SECURITY: the one way to the text; it must not reach a log or an error.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretString(…)")
    }
}

/// Why a secret cannot be read. Names where it should be, never what is there.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    #[error("the secret file {} cannot be read", path.display())]
    File { path: PathBuf, source: io::Error },
    #[error(
        "the credential \"{0}\" was not passed by systemd: add LoadCredential={0}:… to the unit"
    )]
    NoCredential(String),
    #[error("the environment variable {0} is not set")]
    NoVariable(String),
    #[error("{0} is empty")]
    Empty(String),
}

impl fmt::Display for Secret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(f, "the file {}", path.display()),
            Self::Credential(name) => write!(f, "the credential \"{name}\""),
            Self::Env(name) => write!(f, "the environment variable {name}"),
        }
    }
}

impl Secret {
    /// As it is, for what is not text (a macaroon).
    pub fn read_bytes(&self) -> Result<Zeroizing<Vec<u8>>, SecretError> {
        let bytes = match self {
            Self::File(path) => read_file_bytes(path.clone())?,
            Self::Credential(name) => read_file_bytes(credential(name)?)?,
            Self::Env(_) => Zeroizing::new(self.read()?.expose().as_bytes().to_vec()),
        };
        if bytes.is_empty() {
            return Err(SecretError::Empty(self.to_string()));
        }
        Ok(bytes)
    }

    pub fn read(&self) -> Result<SecretString, SecretError> {
        let text = match self {
            Self::File(path) => read_file(path.clone())?,
            Self::Credential(name) => read_file(credential(name)?)?,
            Self::Env(name) => Zeroizing::new(
                std::env::var(name).map_err(|_| SecretError::NoVariable(name.clone()))?,
            ),
        };
        let trimmed = text.trim_end_matches(['\r', '\n']);
        if trimmed.is_empty() {
            return Err(SecretError::Empty(self.to_string()));
        }
        Ok(SecretString::new(trimmed.to_owned()))
    }
}

fn credential(name: &str) -> Result<PathBuf, SecretError> {
    let folder = std::env::var_os("CREDENTIALS_DIRECTORY")
        .ok_or_else(|| SecretError::NoCredential(name.to_owned()))?;
    Ok(PathBuf::from(folder).join(name))
}

fn read_file_bytes(path: PathBuf) -> Result<Zeroizing<Vec<u8>>, SecretError> {
    fs::read(&path)
        .map(Zeroizing::new)
        .map_err(|source| SecretError::File { path, source })
}

fn read_file(path: PathBuf) -> Result<Zeroizing<String>, SecretError> {
    fs::read_to_string(&path)
        .map(Zeroizing::new)
        .map_err(|source| SecretError::File { path, source })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_file_is_read_without_its_line_end() {
        let folder = tempfile::tempdir().expect("a folder");
        let path = folder.path().join("key");
        fs::write(&path, "hush\r\n").expect("written");
        let secret = Secret::File(path.clone()).read().expect("a secret");
        assert_eq!(secret.expose(), "hush");
        assert_eq!(format!("{secret:?}"), "SecretString(…)");

        fs::write(&path, "\n").expect("written");
        let error = Secret::File(path.clone()).read().expect_err("empty");
        assert!(matches!(error, SecretError::Empty(_)), "{error}");

        fs::write(&path, [0xff, 0x0a]).expect("written");
        let bytes = Secret::File(path.clone()).read_bytes().expect("bytes");
        assert_eq!(*bytes, [0xff, 0x0a], "nothing is trimmed");
        fs::write(&path, "").expect("written");
        let error = Secret::File(path).read_bytes().expect_err("empty");
        assert!(matches!(error, SecretError::Empty(_)), "{error}");
    }

    #[test]
    fn what_is_missing_is_named() {
        let error = Secret::Env("SATREEL_NO_SUCH_VARIABLE".into()).read();
        assert!(matches!(error, Err(SecretError::NoVariable(name)) if name.contains("NO_SUCH")));
        let error = Secret::File("/nonexistent/satreel".into()).read();
        assert!(matches!(error, Err(SecretError::File { .. })));
    }
}

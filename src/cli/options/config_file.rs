//! A file given with `--config`: its values, and where they stand.

use std::path::{Path, PathBuf};

use toml::de::DeTable;
use toml::{Spanned, Table};

/// A file of options.
#[derive(Debug, Clone)]
pub(crate) struct ConfigFile {
    /// The file.
    pub(crate) path: PathBuf,
    /// Its values.
    pub(crate) table: Table,
    text: String,
}

impl ConfigFile {
    /// Reads a file.
    ///
    /// # Errors
    /// Why it can't be read, or is no TOML.
    pub(crate) fn read(path: &Path) -> Result<Self, String> {
        let text = fs_err::read_to_string(path).map_err(|error| error.to_string())?;
        let table = text
            .parse()
            .map_err(|error| format!("`{}` is not valid TOML: {error}", path.display()))?;
        Ok(Self {
            path: path.to_owned(),
            table,
            text,
        })
    }

    /// The line of a key: of the top, or of a table.
    pub(crate) fn line(&self, table: Option<&str>, key: &str) -> Option<usize> {
        let all = DeTable::parse(&self.text).ok()?;
        let place = match table {
            None => place_of(all.get_ref(), key)?,
            Some(name) => {
                let mut tables = all.get_ref().iter();
                let (_, inner) = tables.find(|(found, _)| found.get_ref() == name)?;
                place_of(inner.get_ref().as_table()?, key)?
            }
        };
        Some(1 + self.text[..place].matches('\n').count())
    }

    /// The table, if it is in one, and the key that set an option of a command which has the options of `tables`.
    pub(crate) fn setting(&self, option: &str, tables: &[&str]) -> Option<(Option<&str>, &str)> {
        // The last table that has it counts, as where defaults are set.
        let of_command = self.table.iter().rev();
        let mut of_command = of_command.filter(|(name, _)| tables.contains(&name.as_str()));
        of_command
            .find_map(|(name, value)| {
                Some((Some(name.as_str()), key_of(value.as_table()?, option)?))
            })
            .or_else(|| Some((None, key_of(&self.table, option)?)))
    }
}

/// The option that a key stands for.
pub(crate) fn option_of(key: &str) -> String {
    key.replace('_', "-")
}

/// The key of an option in a table.
fn key_of<'table>(table: &'table Table, option: &str) -> Option<&'table str> {
    let mut keys = table.iter().filter(|(_, value)| !value.is_table());
    keys.find(|(key, _)| option_of(key) == option)
        .map(|(key, _)| key.as_str())
}

fn place_of(table: &DeTable<'_>, key: &str) -> Option<usize> {
    let mut keys = table.keys();
    let found = keys.find(|found: &&Spanned<_>| found.get_ref() == key)?;
    Some(found.span().start)
}

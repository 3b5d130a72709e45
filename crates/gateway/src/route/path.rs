//! What a path may be made of.

use super::RouteError;

/// Longest path and query; servers in front of Azure take about as much.
pub(super) const PATH_BYTES_MAX: usize = 8 * 1024;

/// A path with its query, to be put after a host or a base URL.
///
/// It begins with one slash, has no empty, `.` or `..` segment (escaped ones neither) and only characters that a URL
/// may have, so that neither a client nor a server on the way reads another host or another path into it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UpstreamPath(String);

impl UpstreamPath {
    /// Puts a slash before a path that was checked, and not empty.
    pub(super) fn of(path_and_query: &str) -> Self {
        Self(format!("/{path_and_query}"))
    }

    /// The path and query.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Path and query, which keeps its question mark; checks the length and the query.
pub(super) fn split(path_and_query: &str) -> Result<(&str, &str), RouteError> {
    if path_and_query.len() > PATH_BYTES_MAX {
        return Err(RouteError::TooLong);
    }
    let (path, query) = path_and_query.split_at(path_and_query.find('?').unwrap_or(path_and_query.len()));
    if query.bytes().all(is_query_byte) { Ok((path, query)) } else { Err(RouteError::Character) }
}

/// Checks a path that has no slash in front.
pub(super) fn check(path: &str) -> Result<(), RouteError> {
    if !path.bytes().all(is_path_byte) {
        return Err(RouteError::Character);
    }
    check_escapes(path)?;
    path.split('/').try_for_each(|segment| match segment {
        "" => Err(RouteError::EmptySegment),
        // Some servers cut parameters off a segment before they look at its dots.
        segment if matches!(segment.split(';').next(), Some("." | "..")) => Err(RouteError::DotSegment),
        _ => Ok(()),
    })
}

fn check_escapes(path: &str) -> Result<(), RouteError> {
    path.split('%').skip(1).try_for_each(|escaped| {
        let mut byte = [0];
        let digits = escaped.get(..2).ok_or(RouteError::Escape)?;
        hex::decode_to_slice(digits, &mut byte).map_err(|_| RouteError::Escape)?;
        let hides = matches!(byte[0], b'/' | b'\\' | b'.' | b'%' | b'?' | b'#' | b';') || byte[0].is_ascii_control();
        if hides { Err(RouteError::Escape) } else { Ok(()) }
    })
}

/// RFC 3986, section 3.3: `pchar`, and the slash.
fn is_path_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~!$&'()*+,;=:@%/".contains(&byte)
}

/// Visible ASCII without what RFC 3986 knows only as delimiters around a URL; more than section 3.4 allows, as clients
/// send brackets and braces as they are.
fn is_query_byte(byte: u8) -> bool {
    byte.is_ascii_graphic() && !b"\"#<>".contains(&byte)
}

//! Numbers in sentences.

/// `1 copy`, `2 copies`.
pub fn copies(count: usize) -> String {
    counted(count, "copy", "copies")
}

/// `1 channel`, `2 channels`.
pub fn channels(count: usize) -> String {
    counted(count, "channel", "channels")
}

/// `1 place`, `2 places`.
pub fn places(count: usize) -> String {
    counted(count, "place", "places")
}

fn counted(count: usize, one: &str, many: &str) -> String {
    let what = if count == 1 { one } else { many };
    format!("{count} {what}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one() {
        let said = [0, 1, 2].map(copies);
        assert_eq!(said, ["0 copies", "1 copy", "2 copies"]);
    }
}

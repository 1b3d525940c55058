//! "Did you mean": the known word nearest to a misspelt one.

/// Longest word that is compared, in bytes: no key is nearly as long, and the comparison's
/// cost grows with the product of the lengths.
const WORD_BYTES_MAX: usize = 64;

/// The word of `known` that `word` is most likely a misspelling of: at most a third of its
/// characters wrong.
pub(super) fn nearest<'a>(word: &str, known: impl Iterator<Item = &'a str>) -> Option<&'a str> {
    if word.len() > WORD_BYTES_MAX {
        return None;
    }
    let allowed = (word.chars().count() / 3).max(1);
    known
        .map(|candidate| (edits(word, candidate), candidate))
        .filter(|(edits, _)| *edits <= allowed)
        .min_by_key(|(edits, _)| *edits)
        .map(|(_, candidate)| candidate)
}

/// How many single-character insertions, removals, replacements and swaps of neighbours lead
/// from one word to the other (optimal string alignment).
fn edits(from: &str, to: &str) -> usize {
    let (from, to): (Vec<char>, Vec<char>) = (from.chars().collect(), to.chars().collect());
    let mut two_above = vec![0; to.len() + 1];
    let mut above: Vec<usize> = (0..=to.len()).collect();
    for i in 1..=from.len() {
        let mut row = vec![i; to.len() + 1];
        for j in 1..=to.len() {
            let replaced = above[j - 1] + usize::from(from[i - 1] != to[j - 1]);
            row[j] = replaced.min(above[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && from[i - 1] == to[j - 2] && from[i - 2] == to[j - 1] {
                row[j] = row[j].min(two_above[j - 2] + 1);
            }
        }
        two_above = std::mem::replace(&mut above, row);
    }
    above[to.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_word_is_found_and_strange_ones_are_not() {
        let known = || ["daily", "total", "pacing"].into_iter();
        assert_eq!(nearest("dayly", known()), Some("daily"));
        assert_eq!(nearest("pacign", known()), Some("pacing"));
        assert_eq!(nearest("weekly", known()), None);
        assert_eq!(nearest(&"x".repeat(10_000), known()), None);
    }

    #[test]
    fn edits_are_counted() {
        let cases = [("", "abc", 3), ("abc", "abc", 0), ("ab", "ba", 1), ("kitten", "sitting", 3)];
        for (from, to, count) in cases {
            assert_eq!(edits(from, to), count, "{from} {to}");
        }
    }
}

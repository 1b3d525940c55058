//! The admin port's bearer token, compared so that time tells nothing about it.
//!
//! Must not be printed: its `Debug` shows only whether there is one.

use sha2::{Digest, Sha256};
use std::fmt;
use subtle::ConstantTimeEq;

/// The token that admin calls must present, or none.
#[derive(Clone, Default)]
pub struct BearerToken {
    digest: Option<[u8; 32]>,
}

impl BearerToken {
    /// A token; an empty or blank text is none.
    pub fn new(token: Option<&str>) -> Self {
        let token = token.map(str::trim).filter(|token| !token.is_empty());
        Self { digest: token.map(|token| Sha256::digest(token.as_bytes()).into()) }
    }

    /// Whether there is a token at all.
    pub fn is_set(&self) -> bool {
        self.digest.is_some()
    }

    /// Whether `presented` is the token. Digests are compared, so that neither the place of
    /// the first difference nor the length shows in the time taken.
    pub fn matches(&self, presented: &str) -> bool {
        let presented: [u8; 32] = Sha256::digest(presented.as_bytes()).into();
        self.digest.is_some_and(|digest| bool::from(digest.ct_eq(&presented)))
    }
}

impl fmt::Debug for BearerToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.is_set() { "BearerToken(set)" } else { "BearerToken(none)" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_token_matches() {
        let token = BearerToken::new(Some(" s3cret\n"));
        assert!(token.matches("s3cret"));
        for wrong in ["", "s3cre", "s3cret ", "S3cret", "s3crets"] {
            assert!(!token.matches(wrong), "{wrong:?}");
        }
        assert_eq!(format!("{token:?}"), "BearerToken(set)");
    }

    #[test]
    fn no_token_matches_nothing() {
        for none in [BearerToken::new(None), BearerToken::new(Some(" "))] {
            assert!(!none.is_set() && !none.matches("") && !none.matches(" "));
        }
    }
}

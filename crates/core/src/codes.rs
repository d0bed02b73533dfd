//! Codes: SKUs, order numbers, codes of locations. What names a thing is kept as it was sent, or refused: two codes that
//! look alike to people must not be two things, and no digit may get lost on the way.

use serde_json::Value;

/// The longest code.
pub const MAX_CHARS: usize = 255;

/// Why something is no code.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum CodeError {
    /// JSON numbers are read as they are computed with: long ones are rounded, and `90.750` becomes `90.75`.
    #[error("{0} is sent as a number and would lose digits; send it as a text")]
    Number(String),
    #[error("it holds U+{0:04X}, which nobody sees; leave it out")]
    Invisible(u32),
    #[error("it has more than {MAX_CHARS} characters")]
    TooLong,
    #[error("a text is expected")]
    NotText,
}

/// Whether a character is not seen, so that two codes with and without it look alike.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{AD}' | '\u{34F}' | '\u{61C}' | '\u{115F}' | '\u{1160}' | '\u{17B4}' | '\u{17B5}' | '\u{180B}'..='\u{180F}'
            | '\u{200B}'..='\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}' | '\u{3164}' | '\u{FE00}'..='\u{FE0F}'
            | '\u{FEFF}' | '\u{FFA0}' | '\u{FFF0}'..='\u{FFFB}' | '\u{E0000}'..='\u{E0FFF}')
}

/// A code as it is kept: without the blanks around it.
pub fn clean(text: &str) -> Result<&str, CodeError> {
    let text = text.trim();
    if let Some(c) = text.chars().find(|c| is_invisible(*c)) {
        return Err(CodeError::Invisible(c.into()));
    }
    if text.chars().count() > MAX_CHARS { Err(CodeError::TooLong) } else { Ok(text) }
}

/// Reads a code from JSON: a text, or a whole number of at most nineteen digits. `None`: null or empty.
pub fn read(value: &Value) -> Result<Option<String>, CodeError> {
    let text = match value {
        Value::Null => return Ok(None),
        Value::String(text) => clean(text)?.to_owned(),
        Value::Number(n) => number(n)?,
        _ => return Err(CodeError::NotText),
    };
    Ok((!text.is_empty()).then_some(text))
}

/// A number as a text, if it has all its digits.
pub fn number(n: &serde_json::Number) -> Result<String, CodeError> {
    if n.is_f64() { Err(CodeError::Number(n.to_string())) } else { Ok(n.to_string()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(json: &str) -> Result<Option<String>, CodeError> {
        read(&serde_json::from_str(json).expect("JSON"))
    }

    #[test]
    fn digits_are_kept_or_refused() {
        assert_eq!(of("20261125"), Ok(Some("20261125".into())));
        assert_eq!(of("18446744073709551615"), Ok(Some("18446744073709551615".into())));
        for lost in ["20261125000000000001", "90.750", "1e3", "-0", "1.0"] {
            assert!(matches!(of(lost), Err(CodeError::Number(_))), "{lost}");
        }
        assert_eq!(of("\"90.750\""), Ok(Some("90.750".into())));
        assert_eq!(of("\"00042\""), Ok(Some("00042".into())));
        assert_eq!((of("null"), of("\"  \"")), (Ok(None), Ok(None)));
        assert_eq!(of("[1]"), Err(CodeError::NotText));
    }

    #[test]
    fn what_nobody_sees_is_refused_and_blanks_around_are_not_kept() {
        assert_eq!(of("\" A 1 \""), Ok(Some("A 1".into())));
        for odd in
            ["\u{FEFF}A", "A\u{200B}", "A\u{200D}1", "A\u{0}", "A\u{1B}", "A\n1", "\u{202E}A", "A\u{AD}"]
        {
            let found = clean(odd);
            assert!(matches!(found, Err(CodeError::Invisible(_))), "{odd:?}: {found:?}");
        }
        assert_eq!(clean("ÇAĞ-1/ş"), Ok("ÇAĞ-1/ş"));
        assert_eq!(clean(&"x".repeat(256)), Err(CodeError::TooLong));
        let told = clean("\u{FEFF}A").expect_err("refused").to_string();
        assert_eq!(told, "it holds U+FEFF, which nobody sees; leave it out");
    }
}

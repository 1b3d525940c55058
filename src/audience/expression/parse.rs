//! The parser: text to postfix program, by recursive descent with bounded depth.

use super::{
    Clause, Comparison, Expression, ExpressionError, NESTING_MAX, Step, TERMS_MAX, TEXT_BYTES_MAX,
};
use crate::audience::{SegmentTable, ValueThousandths};
use crate::model::{Seconds, SegmentId};
use std::ops::Range;

const KEYWORDS: [&str; 11] =
    ["and", "or", "not", "no", "within", "older", "than", "between", "since", "count", "value"];
const SEGMENT_BYTES_MAX: usize = 64;

pub(super) fn parse(
    text: &str,
    segments: &mut SegmentTable,
) -> Result<Expression, ExpressionError> {
    if text.len() > TEXT_BYTES_MAX {
        let found = format!("{} bytes", text.len());
        let expected = format!("at most {TEXT_BYTES_MAX} bytes");
        return Err(ExpressionError { at: 0..text.len(), expected, found });
    }
    let mut parser =
        Parser { text, at: 0, segments, texts: Vec::new(), program: Vec::new(), depth: 0 };
    parser.alternatives()?;
    let rest = parser.peek();
    if !rest.is_empty() {
        return Err(parser.fault(&rest, "`and`, `or` or the end"));
    }
    Ok(Expression { program: parser.program.into(), texts: parser.texts.into() })
}

/// A word of the language: its byte range; empty at the end of the text.
type Word = Range<usize>;

struct Parser<'a> {
    text: &'a str,
    at: usize,
    segments: &'a mut SegmentTable,
    texts: Vec<String>,
    program: Vec<Step>,
    depth: usize,
}

impl Parser<'_> {
    /// `a or b or c`
    fn alternatives(&mut self) -> Result<(), ExpressionError> {
        self.conjunction()?;
        while self.take_if("or") {
            self.conjunction()?;
            self.program.push(Step::Or);
        }
        Ok(())
    }

    /// `a and b and c`
    fn conjunction(&mut self) -> Result<(), ExpressionError> {
        self.negation()?;
        while self.take_if("and") {
            self.negation()?;
            self.program.push(Step::And);
        }
        Ok(())
    }

    /// `not x`, `no x`, `( ... )` or a term.
    fn negation(&mut self) -> Result<(), ExpressionError> {
        let word = self.peek();
        self.depth += 1;
        if self.depth > NESTING_MAX {
            return Err(self.fault(&word, "less nesting"));
        }
        match &self.text[word.clone()] {
            "not" | "no" => {
                self.take();
                self.negation()?;
                self.program.push(Step::Not);
            }
            "(" => {
                self.take();
                self.alternatives()?;
                self.expect(")")?;
            }
            _ => self.term()?,
        }
        self.depth -= 1;
        Ok(())
    }

    fn term(&mut self) -> Result<(), ExpressionError> {
        let start = self.peek();
        if self.texts.len() == TERMS_MAX {
            return Err(self.fault(&start, "at most 60 terms"));
        }
        let segment = self.segment()?;
        let place = self.program.len();
        self.program.push(Step::Term { segment, clauses: 0 });
        while let Some(clause) = self.clause()? {
            self.program.push(Step::Clause(clause));
        }
        // Fewer than bytes of the text, which are fewer than 16 bits can count.
        let clauses = (self.program.len() - place - 1) as u16;
        self.program[place] = Step::Term { segment, clauses };
        self.texts.push(self.text[start.start..self.at].to_owned());
        Ok(())
    }

    fn clause(&mut self) -> Result<Option<Clause>, ExpressionError> {
        let word = self.peek();
        let clause = match &self.text[word] {
            "within" => {
                self.take();
                Clause::Within(self.duration()?)
            }
            "older" => {
                self.take();
                self.expect("than")?;
                Clause::OlderThan(self.duration()?)
            }
            "between" => self.between()?,
            "count" => {
                self.take();
                let sign = self.comparison()?;
                Clause::Count(sign, self.count()?)
            }
            "value" => {
                self.take();
                let sign = self.comparison()?;
                Clause::Value(sign, self.value()?)
            }
            "since" => {
                self.take();
                Clause::Since(self.segment()?)
            }
            _ => return Ok(None),
        };
        Ok(Some(clause))
    }

    fn between(&mut self) -> Result<Clause, ExpressionError> {
        self.take();
        let low = self.duration()?;
        self.expect("and")?;
        let word = self.peek();
        let high = self.duration()?;
        if high <= low {
            return Err(self.fault(&word, &format!("more than {low}")));
        }
        Ok(Clause::Between(low, high))
    }

    fn segment(&mut self) -> Result<SegmentId, ExpressionError> {
        let word = self.take();
        let name = &self.text[word.clone()];
        let starts_well = name.bytes().next().is_some_and(|byte| byte.is_ascii_lowercase());
        let goes_on_well = name
            .bytes()
            .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'_');
        if !starts_well || !goes_on_well || KEYWORDS.contains(&name) {
            return Err(self.fault(&word, "a segment's name (a-z, 0-9, _)"));
        }
        if name.len() > SEGMENT_BYTES_MAX {
            return Err(self.fault(&word, "a segment's name of at most 64 characters"));
        }
        Ok(self.segments.intern(name))
    }

    fn duration(&mut self) -> Result<Seconds, ExpressionError> {
        let word = self.take();
        Seconds::parse(&self.text[word.clone()])
            .map_err(|_| self.fault(&word, "a duration such as 30m, 24h or 14d"))
    }

    fn comparison(&mut self) -> Result<Comparison, ExpressionError> {
        let word = self.take();
        match &self.text[word.clone()] {
            "<" => Ok(Comparison::Less),
            "<=" => Ok(Comparison::AtMost),
            "=" | "==" => Ok(Comparison::Equal),
            ">=" => Ok(Comparison::AtLeast),
            ">" => Ok(Comparison::More),
            _ => Err(self.fault(&word, "a comparison: one of >= > <= < =")),
        }
    }

    fn count(&mut self) -> Result<u32, ExpressionError> {
        let word = self.take();
        self.text[word.clone()].parse().map_err(|_| self.fault(&word, "a whole number"))
    }

    fn value(&mut self) -> Result<ValueThousandths, ExpressionError> {
        let word = self.take();
        ValueThousandths::parse(&self.text[word.clone()])
            .ok_or_else(|| self.fault(&word, "a number of at most three decimals"))
    }

    fn expect(&mut self, wanted: &str) -> Result<(), ExpressionError> {
        let word = self.take();
        if &self.text[word.clone()] == wanted {
            return Ok(());
        }
        Err(self.fault(&word, &format!("`{wanted}`")))
    }

    fn take_if(&mut self, wanted: &str) -> bool {
        let word = self.peek();
        let matches = &self.text[word.clone()] == wanted;
        if matches {
            self.at = word.end;
        }
        matches
    }

    fn take(&mut self) -> Word {
        let word = self.peek();
        self.at = word.end;
        word
    }

    /// The next word: a parenthesis, a run of comparison signs, or a run of anything else.
    fn peek(&self) -> Word {
        let rest = &self.text[self.at..];
        let start = self.at + (rest.len() - rest.trim_start().len());
        let mut letters = self.text[start..].char_indices();
        let Some((_, first)) = letters.next() else { return start..start };
        let kind = kind_of(first);
        if kind == Kind::Parenthesis {
            return start..start + first.len_utf8();
        }
        let end = letters.find(|(_, letter)| kind_of(*letter) != kind);
        start..end.map_or(self.text.len(), |(offset, _)| start + offset)
    }

    fn fault(&self, at: &Word, expected: &str) -> ExpressionError {
        let found = match &self.text[at.clone()] {
            "" => "the end".to_owned(),
            word => format!("`{word}`"),
        };
        ExpressionError { at: at.clone(), expected: expected.to_owned(), found }
    }
}

#[derive(PartialEq, Eq)]
enum Kind {
    Space,
    Parenthesis,
    Sign,
    Word,
}

fn kind_of(letter: char) -> Kind {
    match letter {
        '(' | ')' => Kind::Parenthesis,
        '<' | '>' | '=' => Kind::Sign,
        letter if letter.is_whitespace() => Kind::Space,
        _ => Kind::Word,
    }
}

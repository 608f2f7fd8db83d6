//! dlib's serialization: whole numbers, floating-point numbers, strings, lists, matrices, tensors.
//!
//! Written after dlib's `serialize.h`, `matrix.h` and `tensor.h`. The bytes are not trusted: every
//! count is compared with the number of bytes left before anything is allocated for it.

use std::fmt::Display;

/// The sign's bit in the first byte of a whole number; the low four bits say how many bytes follow.
const NEGATIVE: u8 = 0x80;
/// The bits of the first byte that count the bytes of a whole number.
const LENGTH_BITS: u8 = 0x0f;
/// Bytes that a serialized whole number takes at least: its first byte and one of the value.
pub const MIN_INTEGER_BYTES: usize = 2;
/// Bytes that a serialized floating-point number takes at least: mantissa and exponent.
pub const MIN_FLOAT_BYTES: usize = 2 * MIN_INTEGER_BYTES;
/// The exponent that stands for infinity.
const POSITIVE_INFINITY: i64 = 32_000;
/// The exponent that stands for minus infinity.
const NEGATIVE_INFINITY: i64 = 32_001;
/// The exponent that stands for "not a number".
const NOT_A_NUMBER: i64 = 32_002;
/// Version of serialized tensors.
const TENSOR_VERSION: i64 = 2;
/// Version of serialized tensor shapes.
const ALIAS_TENSOR_VERSION: i64 = 1;

/// Bytes that are not what dlib writes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReadError {
    /// The bytes end too early.
    #[error("it ends at byte {offset}, where {expected} should be")]
    Ends {
        /// Where the missing thing begins, in bytes from the start.
        offset: usize,
        /// What is missing.
        expected: String,
    },
    /// There is something else.
    #[error("at byte {offset}: expected {expected}, found {found}")]
    Unexpected {
        /// Where it begins, in bytes from the start.
        offset: usize,
        /// The expected thing.
        expected: String,
        /// The thing found.
        found: String,
    },
    /// There is more than the model.
    #[error("the model ends at byte {offset}, but {bytes} more bytes follow")]
    Trailing {
        /// Where the model ends, in bytes from the start.
        offset: usize,
        /// How many bytes follow.
        bytes: usize,
    },
}

/// A tensor inside a file's bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TensorView<'a> {
    /// Samples, channels, rows, columns.
    pub shape: [usize; 4],
    /// Little-endian 32-bit floats, the last axis fastest.
    bytes: &'a [u8],
}

impl TensorView<'_> {
    /// How many numbers it holds.
    #[must_use]
    pub fn len(&self) -> usize {
        self.bytes.len() / size_of::<f32>()
    }

    /// Whether it holds nothing.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.bytes.is_empty()
    }

    /// The numbers, the last axis fastest.
    #[must_use]
    pub fn values(&self) -> Vec<f32> {
        let (numbers, _) = self.bytes.as_chunks();
        numbers.iter().copied().map(f32::from_le_bytes).collect()
    }
}

/// Reads one thing after the other.
#[derive(Debug, Clone)]
pub struct Reader<'a> {
    bytes: &'a [u8],
    offset: usize,
}

impl<'a> Reader<'a> {
    /// Begins at the first of the bytes.
    #[must_use]
    pub const fn new(bytes: &'a [u8]) -> Self {
        Self { bytes, offset: 0 }
    }

    /// Where the next thing begins, in bytes from the start.
    #[must_use]
    pub const fn offset(&self) -> usize {
        self.offset
    }

    fn bytes_left(&self) -> usize {
        self.bytes.len() - self.offset
    }

    /// An error about the thing that began at `offset`.
    pub fn unexpected(offset: usize, expected: impl Display, found: impl Display) -> ReadError {
        ReadError::Unexpected {
            offset,
            expected: expected.to_string(),
            found: found.to_string(),
        }
    }

    fn take(&mut self, count: usize, expected: impl Display) -> Result<&'a [u8], ReadError> {
        let bytes = self
            .bytes
            .get(self.offset..)
            .and_then(|rest| rest.get(..count))
            .ok_or_else(|| ReadError::Ends {
                offset: self.offset,
                expected: expected.to_string(),
            })?;
        self.offset += count;
        Ok(bytes)
    }

    /// A whole number.
    ///
    /// # Errors
    /// [`ReadError`] also where it is larger than 63 bits.
    pub fn integer(&mut self, what: &str) -> Result<i64, ReadError> {
        let start = self.offset;
        let control = self.take(1, what)?[0];
        let length = usize::from(control & LENGTH_BITS);
        if !(1..=size_of::<i64>()).contains(&length) {
            let expected = format!("{what}, a whole number of 1 to 8 bytes");
            let found = format!("one of {length} bytes");
            return Err(Self::unexpected(start, expected, found));
        }
        let mut magnitude = [0; size_of::<u64>()];
        magnitude[..length].copy_from_slice(self.take(length, what)?);
        let value = i64::try_from(u64::from_le_bytes(magnitude)).map_err(|_| {
            Self::unexpected(
                start,
                format!("{what}, a whole number below 2^63"),
                "a larger one",
            )
        })?;
        Ok(if control & NEGATIVE == 0 {
            value
        } else {
            -value
        })
    }

    /// A whole number that must be `expected`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn exactly(&mut self, expected: i64, what: &str) -> Result<(), ReadError> {
        let start = self.offset;
        let found = self.integer(what)?;
        if found == expected {
            return Ok(());
        }
        let expected = format!("{what} {expected}");
        Err(Self::unexpected(start, expected, found))
    }

    /// A whole number that is not negative and fits into a `usize`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn unsigned(&mut self, what: &str) -> Result<usize, ReadError> {
        let start = self.offset;
        let found = self.integer(what)?;
        usize::try_from(found)
            .map_err(|_| Self::unexpected(start, format!("{what}, not negative"), found))
    }

    /// A count of things, of which each takes `bytes_each` at least.
    ///
    /// # Errors
    /// [`ReadError`] also where fewer bytes are left than that many things take.
    pub fn count(&mut self, bytes_each: usize, what: &str) -> Result<usize, ReadError> {
        let start = self.offset;
        let count = self.unsigned(what)?;
        let most = self.bytes_left() / bytes_each.max(1);
        if count > most {
            let expected = format!("{what}, {most} at most for the bytes that are left");
            return Err(Self::unexpected(start, expected, count));
        }
        Ok(count)
    }

    /// A count that must be `expected`.
    ///
    /// # Errors
    /// [`ReadError`] also where fewer bytes are left than that many things take.
    pub fn count_of(
        &mut self,
        expected: usize,
        bytes_each: usize,
        what: &str,
    ) -> Result<usize, ReadError> {
        let start = self.offset;
        let found = self.count(bytes_each, what)?;
        if found == expected {
            return Ok(found);
        }
        Err(Self::unexpected(start, format!("{expected} {what}"), found))
    }

    /// A floating-point number: `mantissa * 2^exponent`.
    ///
    /// # Errors
    /// [`ReadError`] also where it is beyond the range of `f64`.
    pub fn float(&mut self, what: &str) -> Result<f64, ReadError> {
        let start = self.offset;
        let mantissa = self.integer(what)?;
        let exponent = self.integer(what)?;
        match exponent {
            POSITIVE_INFINITY => Ok(f64::INFINITY),
            NEGATIVE_INFINITY => Ok(f64::NEG_INFINITY),
            NOT_A_NUMBER => Ok(f64::NAN),
            -1022..=1023 => Ok(mantissa as f64 * power_of_two(exponent)),
            _ => {
                let expected = format!("{what}, an exponent between -1022 and 1023");
                Err(Self::unexpected(start, expected, exponent))
            }
        }
    }

    /// A floating-point number that was an `f32` when it was written, and is finite.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn finite_f32(&mut self, what: &str) -> Result<f32, ReadError> {
        let start = self.offset;
        let value = self.float(what)? as f32;
        if value.is_finite() {
            return Ok(value);
        }
        let expected = format!("{what}, a finite number");
        Err(Self::unexpected(start, expected, value))
    }

    /// A truth value: the character `0` or `1`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn boolean(&mut self, what: &str) -> Result<bool, ReadError> {
        let start = self.offset;
        match self.take(1, what)?[0] {
            b'0' => Ok(false),
            b'1' => Ok(true),
            byte => {
                let found = format!("byte {byte}");
                Err(Self::unexpected(
                    start,
                    format!("{what}, `0` or `1`"),
                    found,
                ))
            }
        }
    }

    /// A string.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn string(&mut self, what: &str) -> Result<String, ReadError> {
        let length = self.count(1, what)?;
        let bytes = self.take(length, what)?;
        Ok(String::from_utf8_lossy(bytes).into_owned())
    }

    /// A string that must be `expected`.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn exact_string(&mut self, expected: &str, what: &str) -> Result<(), ReadError> {
        let start = self.offset;
        let found = self.string(what)?;
        if found == expected {
            return Ok(());
        }
        let expected = format!("{what} `{expected}`");
        // A damaged length makes a string of anything.
        let found = format!("`{}`", found.chars().take(40).collect::<String>());
        Err(Self::unexpected(start, expected, found))
    }

    /// A column of `N` finite numbers: a matrix with `N` rows.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn column<const N: usize>(&mut self, what: &str) -> Result<[f32; N], ReadError> {
        // Sizes of matrices are written as negative numbers.
        self.exactly(-(N as i64), "the number of rows")?;
        self.exactly(-1, "the number of columns")?;
        let mut column = [0.0; N];
        for number in &mut column {
            *number = self.finite_f32(what)?;
        }
        Ok(column)
    }

    /// A tensor; nothing of it is copied.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn tensor(&mut self, what: &str) -> Result<TensorView<'a>, ReadError> {
        self.exactly(TENSOR_VERSION, "the version of a tensor")?;
        let start = self.offset;
        let shape = self.shape(what)?;
        let numbers = shape
            .iter()
            .try_fold(1_usize, |product, side| product.checked_mul(*side));
        let count = numbers.and_then(|numbers| numbers.checked_mul(size_of::<f32>()));
        let found = || format!("one of {shape:?} numbers");
        let count = count.ok_or_else(|| Self::unexpected(start, what, found()))?;
        let bytes = self.take(count, format_args!("{what} of {shape:?} numbers"))?;
        Ok(TensorView { shape, bytes })
    }

    /// A tensor's shape without its numbers.
    ///
    /// # Errors
    /// [`ReadError`].
    pub fn alias_tensor(&mut self, what: &str) -> Result<[usize; 4], ReadError> {
        self.exactly(ALIAS_TENSOR_VERSION, "the version of a tensor's shape")?;
        self.shape(what)
    }

    fn shape(&mut self, what: &str) -> Result<[usize; 4], ReadError> {
        let mut shape = [0; 4];
        for side in &mut shape {
            *side = self.unsigned(what)?;
        }
        Ok(shape)
    }

    /// Checks that no byte is left.
    ///
    /// # Errors
    /// [`ReadError::Trailing`].
    pub fn end(&self) -> Result<(), ReadError> {
        match self.bytes_left() {
            0 => Ok(()),
            bytes => Err(ReadError::Trailing {
                offset: self.offset,
                bytes,
            }),
        }
    }
}

/// `2^exponent` for the exponents of normal numbers, by their bits: exact.
fn power_of_two(exponent: i64) -> f64 {
    const BIAS: i64 = 1023;
    const MANTISSA_BITS: u32 = 52;
    f64::from_bits(((exponent + BIAS) as u64) << MANTISSA_BITS)
}

#[cfg(test)]
#[path = "reader_tests.rs"]
mod tests;

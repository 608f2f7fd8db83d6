//! Reads the part of Python's pickle format that PyTorch's state dicts and the attributes of
//! TorchScript's modules are made of.
//!
//! Nothing is executed: names of Python functions stay names. Everything that a state dict does not
//! need becomes [`Value::Opaque`].

/// A value of a pickle.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Value {
    /// `None`, `True`, floating numbers, objects: nothing that a state dict's tensors need.
    Opaque,
    /// A whole number.
    Int(i64),
    /// Text.
    Text(String),
    /// A tuple or list.
    List(Vec<Value>),
    /// A dictionary, in its order.
    Dict(Vec<(Value, Value)>),
    /// A function or class: `module.name`.
    Global(String),
    /// The value of a persistent id: its tuple.
    Persistent(Vec<Value>),
    /// A function's result: its name and arguments.
    Call(String, Vec<Value>),
    /// An object of any class: its attributes by name, in their order.
    Object(Vec<(Value, Value)>),
}

/// Why bytes can't be read as a pickle.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PickleError {
    /// It is cut off.
    #[error("the pickle ends before its end mark")]
    Truncated,
    /// An instruction that state dicts don't have.
    #[error("the pickle has an instruction {0:#04x}, which state dicts don't have")]
    Instruction(u8),
    /// An instruction lacks its operands, or they are of another kind.
    #[error("the pickle's instruction {0:#04x} lacks its operands")]
    Operands(u8),
}

/// Names of functions whose calls are kept with their arguments.
const ORDERED_DICT: &str = "collections.OrderedDict";

/// Reads one pickle from the front of `bytes`; returns its value and the bytes behind it.
pub(super) fn read(bytes: &[u8]) -> Result<(Value, &[u8]), PickleError> {
    let mut machine = Machine {
        bytes,
        stack: Vec::new(),
        marks: Vec::new(),
        memo: Default::default(),
    };
    loop {
        let instruction = machine.byte()?;
        if instruction == b'.' {
            let value = machine.pop(instruction)?;
            return Ok((value, machine.bytes));
        }
        machine.step(instruction)?;
    }
}

struct Machine<'a> {
    bytes: &'a [u8],
    stack: Vec<Value>,
    marks: Vec<usize>,
    memo: std::collections::BTreeMap<u32, Value>,
}

impl<'a> Machine<'a> {
    /// Instructions by their letters in Python's `pickletools`.
    fn step(&mut self, instruction: u8) -> Result<(), PickleError> {
        match instruction {
            // PROTO, FRAME
            0x80 => drop(self.byte()?),
            0x95 => drop(self.take(8)?),
            // MARK
            b'(' => self.marks.push(self.stack.len()),
            // NONE, NEWTRUE, NEWFALSE; BINFLOAT
            b'N' | 0x88 | 0x89 => self.stack.push(Value::Opaque),
            b'G' => {
                self.take(8)?;
                self.stack.push(Value::Opaque);
            }
            // BININT, BININT1, BININT2, LONG1
            b'J' => {
                let number = i32::from_le_bytes(self.array()?);
                self.stack.push(Value::Int(i64::from(number)));
            }
            b'K' => {
                let number = self.byte()?;
                self.stack.push(Value::Int(i64::from(number)));
            }
            b'M' => {
                let number = u16::from_le_bytes(self.array()?);
                self.stack.push(Value::Int(i64::from(number)));
            }
            0x8a => {
                let length = self.byte()?;
                let value = long(self.take(usize::from(length))?);
                self.stack.push(value);
            }
            // BINUNICODE, SHORT_BINUNICODE, SHORT_BINSTRING
            b'X' => {
                let length = u32::from_le_bytes(self.array()?);
                self.text(length as usize)?;
            }
            0x8c | b'U' => {
                let length = self.byte()?;
                self.text(usize::from(length))?;
            }
            // GLOBAL, STACK_GLOBAL
            b'c' => {
                let global = format!("{}.{}", self.line()?, self.line()?);
                self.stack.push(Value::Global(global));
            }
            0x93 => {
                let (name, module) = (self.pop(instruction)?, self.pop(instruction)?);
                let (Value::Text(module), Value::Text(name)) = (module, name) else {
                    return Err(PickleError::Operands(instruction));
                };
                self.stack.push(Value::Global(format!("{module}.{name}")));
            }
            // EMPTY_TUPLE, EMPTY_LIST, EMPTY_DICT
            b')' | b']' => self.stack.push(Value::List(Vec::new())),
            b'}' => self.stack.push(Value::Dict(Vec::new())),
            // TUPLE, TUPLE1, TUPLE2, TUPLE3
            b't' => {
                let items = self.pop_to_mark(instruction)?;
                self.stack.push(Value::List(items));
            }
            0x85..=0x87 => {
                let count = usize::from(instruction - 0x84);
                let start = self.stack.len().checked_sub(count);
                let start = start.ok_or(PickleError::Operands(instruction))?;
                let items = self.stack.split_off(start);
                self.stack.push(Value::List(items));
            }
            // APPEND, APPENDS, SETITEM, SETITEMS
            b'a' => {
                let item = self.pop(instruction)?;
                self.extend(instruction, vec![item])?;
            }
            b'e' | b'u' => {
                let items = self.pop_to_mark(instruction)?;
                self.extend(instruction, items)?;
            }
            b's' => {
                let (value, key) = (self.pop(instruction)?, self.pop(instruction)?);
                self.extend(instruction, vec![key, value])?;
            }
            // BINPUT, LONG_BINPUT, MEMOIZE, BINGET, LONG_BINGET
            b'q' => {
                let place = self.byte()?;
                self.remember(instruction, u32::from(place))?;
            }
            b'r' => {
                let place = u32::from_le_bytes(self.array()?);
                self.remember(instruction, place)?;
            }
            0x94 => self.remember(instruction, self.memo.len() as u32)?,
            b'h' => {
                let place = self.byte()?;
                self.recall(instruction, u32::from(place))?;
            }
            b'j' => {
                let place = u32::from_le_bytes(self.array()?);
                self.recall(instruction, place)?;
            }
            // BINPERSID, REDUCE
            b'Q' => match self.pop(instruction)? {
                Value::List(items) => self.stack.push(Value::Persistent(items)),
                _ => return Err(PickleError::Operands(instruction)),
            },
            b'R' => {
                let (arguments, function) = (self.pop(instruction)?, self.pop(instruction)?);
                self.stack.push(match (function, arguments) {
                    (Value::Global(name), Value::List(_)) if name == ORDERED_DICT => {
                        Value::Dict(Vec::new())
                    }
                    (Value::Global(name), Value::List(arguments)) => Value::Call(name, arguments),
                    _ => return Err(PickleError::Operands(instruction)),
                });
            }
            // NEWOBJ
            0x81 => {
                let (_, class) = (self.pop(instruction)?, self.pop(instruction)?);
                match class {
                    Value::Global(_) => self.stack.push(Value::Object(Vec::new())),
                    _ => return Err(PickleError::Operands(instruction)),
                }
            }
            // BUILD. A state dict stays what it is: its attributes are things such as `_metadata`.
            b'b' => {
                let attributes = self.pop(instruction)?;
                if let (Some(Value::Object(object)), Value::Dict(attributes)) =
                    (self.stack.last_mut(), attributes)
                {
                    *object = attributes;
                }
            }
            other => return Err(PickleError::Instruction(other)),
        }
        Ok(())
    }

    /// Adds items to the list, or keys and values to the dictionary, on top of the stack.
    fn extend(&mut self, instruction: u8, items: Vec<Value>) -> Result<(), PickleError> {
        match self.stack.last_mut() {
            Some(Value::List(list)) => list.extend(items),
            Some(Value::Dict(dict)) => {
                let mut items = items.into_iter();
                while let (Some(key), Some(value)) = (items.next(), items.next()) {
                    dict.push((key, value));
                }
            }
            _ => return Err(PickleError::Operands(instruction)),
        }
        Ok(())
    }

    fn remember(&mut self, instruction: u8, place: u32) -> Result<(), PickleError> {
        let value = self
            .stack
            .last()
            .ok_or(PickleError::Operands(instruction))?;
        // Containers are remembered too, but state dicts don't come back to them; leaving them out
        // keeps a hostile file from doubling them over and over.
        let kept = match value {
            Value::List(_) | Value::Dict(_) | Value::Call(..) | Value::Object(_) => Value::Opaque,
            other => other.clone(),
        };
        self.memo.insert(place, kept);
        Ok(())
    }

    fn recall(&mut self, instruction: u8, place: u32) -> Result<(), PickleError> {
        let value = self.memo.get(&place).cloned();
        self.stack
            .push(value.ok_or(PickleError::Operands(instruction))?);
        Ok(())
    }

    fn pop(&mut self, instruction: u8) -> Result<Value, PickleError> {
        self.stack.pop().ok_or(PickleError::Operands(instruction))
    }

    fn pop_to_mark(&mut self, instruction: u8) -> Result<Vec<Value>, PickleError> {
        match self.marks.pop() {
            Some(mark) if mark <= self.stack.len() => Ok(self.stack.split_off(mark)),
            _ => Err(PickleError::Operands(instruction)),
        }
    }

    fn text(&mut self, length: usize) -> Result<(), PickleError> {
        let text = String::from_utf8_lossy(self.take(length)?).into_owned();
        self.stack.push(Value::Text(text));
        Ok(())
    }

    fn line(&mut self) -> Result<String, PickleError> {
        let end = self.bytes.iter().position(|byte| *byte == b'\n');
        let line = self.take(end.ok_or(PickleError::Truncated)?)?;
        let line = String::from_utf8_lossy(line).into_owned();
        self.byte()?;
        Ok(line)
    }

    fn byte(&mut self) -> Result<u8, PickleError> {
        Ok(self.array::<1>()?[0])
    }

    fn array<const N: usize>(&mut self) -> Result<[u8; N], PickleError> {
        let (first, rest) = self
            .bytes
            .split_first_chunk()
            .ok_or(PickleError::Truncated)?;
        self.bytes = rest;
        Ok(*first)
    }

    fn take(&mut self, length: usize) -> Result<&'a [u8], PickleError> {
        let (first, rest) = self
            .bytes
            .split_at_checked(length)
            .ok_or(PickleError::Truncated)?;
        self.bytes = rest;
        Ok(first)
    }
}

/// An integer of any length, least byte first; one that is too long has no use here.
fn long(bytes: &[u8]) -> Value {
    let Some(last) = bytes.last() else {
        return Value::Int(0);
    };
    if bytes.len() > 8 {
        return Value::Opaque;
    }
    let mut filled = [if *last & 0x80 == 0 { 0 } else { 0xff }; 8];
    filled[..bytes.len()].copy_from_slice(bytes);
    Value::Int(i64::from_le_bytes(filled))
}

#[cfg(test)]
mod tests {
    use super::*;

    /// `pickle.dumps({"a": (1, -2, 70000), "b": [None, "x", "a"]}, protocol=2)`
    const SMALL: &[u8] = b"\x80\x02}q\x00(X\x01\x00\x00\x00aq\x01K\x01J\xfe\xff\xff\xffJp\x11\x01\x00\x87q\x02X\x01\x00\x00\x00bq\x03]q\x04(NX\x01\x00\x00\x00xq\x05h\x01eu.";

    #[test]
    fn a_small_pickle_is_read_and_the_bytes_behind_it_returned() {
        let bytes = [SMALL, b"rest"].concat();
        let (value, rest) = read(&bytes).expect("reads");
        assert_eq!(rest, b"rest");
        let text = |text: &str| Value::Text(text.to_owned());
        let tuple = Value::List(vec![Value::Int(1), Value::Int(-2), Value::Int(70000)]);
        let list = Value::List(vec![Value::Opaque, text("x"), text("a")]);
        assert_eq!(
            value,
            Value::Dict(vec![(text("a"), tuple), (text("b"), list)])
        );
    }

    #[test]
    fn cut_and_hostile_pickles_are_errors() {
        for length in 0..SMALL.len() {
            assert!(read(&SMALL[..length]).is_err(), "cut at {length}");
        }
        for hostile in [
            &b"."[..],
            b"R.",
            b"t.",
            b"h\x07.",
            b"(u.",
            b"\x86.",
            b"Q.",
            b"\xff",
        ] {
            assert!(read(hostile).is_err(), "{hostile:?}");
        }
    }
}

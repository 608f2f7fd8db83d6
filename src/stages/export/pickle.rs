//! Writes the part of Python's pickle format that PyTorch's archives are made of.

use tch::{Kind, Tensor};

/// A pickle under way. Instructions by their letters in Python's `pickletools`, protocol 2; nothing
/// is remembered for later use, so that the bytes follow from the values only.
#[derive(Debug)]
pub(super) struct Pickle {
    bytes: Vec<u8>,
}

impl Pickle {
    pub(super) fn new() -> Self {
        // PROTO 2
        Self {
            bytes: vec![0x80, 2],
        }
    }

    /// The bytes, once the value is complete.
    pub(super) fn finish(mut self) -> Vec<u8> {
        self.instruction(b'.');
        self.bytes
    }

    /// The empty tuple.
    pub(super) fn nothing(&mut self) {
        self.instruction(b')');
    }

    pub(super) fn bool(&mut self, value: bool) {
        self.instruction(if value { 0x88 } else { 0x89 });
    }

    pub(super) fn int(&mut self, value: i64) {
        if let Ok(value) = u8::try_from(value) {
            // BININT1
            self.bytes.extend([b'K', value]);
        } else if let Ok(value) = i32::try_from(value) {
            // BININT
            self.instruction(b'J');
            self.bytes.extend(value.to_le_bytes());
        } else {
            // LONG1 with eight bytes
            self.bytes.extend([0x8a, 8]);
            self.bytes.extend(value.to_le_bytes());
        }
    }

    pub(super) fn text(&mut self, text: &str) {
        // BINUNICODE
        self.instruction(b'X');
        self.bytes.extend((text.len() as u32).to_le_bytes());
        self.bytes.extend(text.as_bytes());
    }

    /// The name of a class or function.
    pub(super) fn global(&mut self, module: &str, name: &str) {
        self.instruction(b'c');
        self.bytes.extend(format!("{module}\n{name}\n").as_bytes());
    }

    /// A tuple of what `items` writes.
    pub(super) fn tuple(&mut self, items: impl FnOnce(&mut Self)) {
        self.instruction(b'(');
        items(self);
        self.instruction(b't');
    }

    /// The call of a function, which is on the stack, with the tuple on top of it.
    pub(super) fn call(&mut self) {
        self.instruction(b'R');
    }

    /// An ordered dictionary of the keys and values that `entries` writes.
    pub(super) fn ordered_dict(&mut self, entries: impl FnOnce(&mut Self)) {
        self.global("collections", "OrderedDict");
        self.nothing();
        self.call();
        self.instruction(b'(');
        entries(self);
        self.instruction(b'u');
    }

    /// An object of a class with the attributes, names and values, that `attributes` writes.
    pub(super) fn object(
        &mut self,
        (module, class): (&str, &str),
        attributes: impl FnOnce(&mut Self),
    ) {
        self.global(module, class);
        // EMPTY_TUPLE, NEWOBJ, EMPTY_DICT, MARK … SETITEMS, BUILD
        self.bytes.extend([b')', 0x81, b'}', b'(']);
        attributes(self);
        self.bytes.extend([b'u', b'b']);
    }

    /// A tensor without gradients whose values, row by row, are the archive's storage `key`.
    pub(super) fn tensor(&mut self, key: &str, storage_class: &str, tensor: &Tensor) {
        let size = tensor.size();
        self.global("torch._utils", "_rebuild_tensor_v2");
        self.tuple(|pickle| {
            pickle.tuple(|pickle| {
                pickle.text("storage");
                pickle.global("torch", storage_class);
                pickle.text(key);
                pickle.text("cpu");
                pickle.int(tensor.numel() as i64);
            });
            // BINPERSID
            pickle.instruction(b'Q');
            pickle.int(0);
            pickle.tuple(|pickle| size.iter().for_each(|side| pickle.int(*side)));
            pickle.tuple(|pickle| strides(&size).into_iter().for_each(|step| pickle.int(step)));
            pickle.bool(false);
            // Hooks.
            pickle.global("collections", "OrderedDict");
            pickle.nothing();
            pickle.call();
        });
        self.call();
    }

    fn instruction(&mut self, letter: u8) {
        self.bytes.push(letter);
    }
}

/// Steps between neighbours on each axis where the values are stored row by row.
fn strides(size: &[i64]) -> Vec<i64> {
    let mut strides = vec![1; size.len()];
    for axis in (1..size.len()).rev() {
        strides[axis - 1] = strides[axis] * size[axis].max(1);
    }
    strides
}

/// PyTorch's storage class of an element kind; `None` for kinds that networks here do not have.
pub(super) const fn storage_class(kind: Kind) -> Option<&'static str> {
    Some(match kind {
        Kind::Float => "FloatStorage",
        Kind::Double => "DoubleStorage",
        Kind::Half => "HalfStorage",
        Kind::BFloat16 => "BFloat16Storage",
        Kind::Int64 => "LongStorage",
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bytes_are_those_that_python_reads() {
        let mut pickle = Pickle::new();
        pickle.tuple(|pickle| {
            pickle.int(1);
            pickle.int(-2);
            pickle.int(70_000);
            pickle.int(1 << 40);
            pickle.text("é");
            pickle.bool(true);
            pickle.nothing();
        });
        // `pickle.loads` of these bytes gives (1, -2, 70000, 1099511627776, 'é', True, ()).
        let expected = b"\x80\x02(K\x01J\xfe\xff\xff\xffJp\x11\x01\x00\
            \x8a\x08\x00\x00\x00\x00\x00\x01\x00\x00X\x02\x00\x00\x00\xc3\xa9\x88)t.";
        assert_eq!(pickle.finish(), expected);
    }

    #[test]
    fn strides_are_those_of_rows() {
        assert_eq!(strides(&[2, 3, 48, 64]), [9216, 3072, 64, 1]);
        assert_eq!(strides(&[7]), [1]);
        assert_eq!(strides(&[]), [0; 0]);
    }
}

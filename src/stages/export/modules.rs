//! The tree of TorchScript modules that holds a network's tensors by their names.

use super::archive::Stored;
use super::pickle::Pickle;
use super::torchscript::CODE;

/// The outermost module's class.
const CLASSIFIER: &str = "FaceClassifier";

/// A module's part.
enum Part<'a> {
    Tensor(&'a Stored, bool),
    Module(Module<'a>),
}

/// Parts by name, in the order of the network's layers.
#[derive(Default)]
struct Module<'a> {
    parts: Vec<(&'a str, Part<'a>)>,
    /// Its class's number in the list of classes.
    class: usize,
}

/// A class of modules.
struct Class {
    name: String,
    body: String,
}

/// All modules and their classes, the outermost last.
pub(super) struct Modules<'a> {
    root: Module<'a>,
    classes: Vec<Class>,
}

impl<'a> Modules<'a> {
    /// A tree of modules by the dots in the tensors' names; `methods` are those of the outermost one.
    pub(super) fn new(tensors: &'a [Stored], is_parameter: &[bool], methods: &str) -> Self {
        let mut root = Module::default();
        for (stored, is_parameter) in tensors.iter().zip(is_parameter) {
            root.insert(&stored.name, Part::Tensor(stored, *is_parameter));
        }
        let mut classes = Vec::new();
        root.assign(&mut classes, Some(methods));
        Self { root, classes }
    }

    /// The source of the classes.
    pub(super) fn classes(&self) -> String {
        let source = |class: &Class| format!("class {}(Module):\n{}", class.name, class.body);
        self.classes.iter().map(source).collect()
    }

    /// Writes the outermost module with all that it holds.
    pub(super) fn object(&self, pickle: &mut Pickle) {
        self.write(&self.root, pickle);
    }

    fn write(&self, module: &Module<'_>, pickle: &mut Pickle) {
        let class = &self.classes[module.class].name;
        pickle.object((CODE, class), |pickle| {
            pickle.text("training");
            pickle.bool(false);
            for (name, part) in &module.parts {
                pickle.text(name);
                match part {
                    Part::Tensor(stored, _) => {
                        pickle.tensor(&stored.key, stored.class, &stored.tensor);
                    }
                    Part::Module(module) => self.write(module, pickle),
                }
            }
        });
    }
}

impl<'a> Module<'a> {
    fn insert(&mut self, name: &'a str, part: Part<'a>) {
        let Some((first, rest)) = name.split_once('.') else {
            self.parts.push((name, part));
            return;
        };
        let place = self.parts.iter().position(|(name, _)| *name == first);
        let place = place.unwrap_or_else(|| {
            self.parts.push((first, Part::Module(Module::default())));
            self.parts.len() - 1
        });
        if let (_, Part::Module(module)) = &mut self.parts[place] {
            module.insert(rest, part);
        }
    }

    /// Finds or makes the class of this module and of those in it: equal bodies are one class.
    fn assign(&mut self, classes: &mut Vec<Class>, methods: Option<&str>) {
        for (_, part) in &mut self.parts {
            if let Part::Module(module) = part {
                module.assign(classes, None);
            }
        }
        let mut body = self.body(classes);
        body += methods.unwrap_or_default();
        let known = classes.iter().position(|class| class.body == body);
        self.class = known.unwrap_or_else(|| {
            let kind = methods.map_or_else(|| self.kind(), |_| CLASSIFIER);
            let same = |class: &&Class| class.name.starts_with(kind);
            let name = match classes.iter().filter(same).count() {
                0 => kind.to_owned(),
                number => format!("{kind}{number}"),
            };
            classes.push(Class { name, body });
            classes.len() - 1
        });
    }

    /// The class's name, as people call such layers.
    fn kind(&self) -> &'static str {
        let mut kind = "Layers";
        for (name, part) in &self.parts {
            match (*name, part) {
                ("running_mean", Part::Tensor(..)) => return "BatchNorm",
                ("weight", Part::Tensor(stored, _)) if stored.tensor.dim() == 4 => {
                    kind = "Convolution";
                }
                ("weight", Part::Tensor(..)) => kind = "Linear",
                _ => {}
            }
        }
        kind
    }

    fn body(&self, classes: &[Class]) -> String {
        let names = |wanted: bool| -> String {
            let parts = self.parts.iter();
            parts
                .filter(|(_, part)| matches!(part, Part::Tensor(_, is) if *is == wanted))
                .map(|(name, _)| format!("\"{name}\", "))
                .collect()
        };
        let mut body = format!("  __parameters__ = [{}]\n", names(true));
        body += &format!("  __buffers__ = [{}]\n  training : bool\n", names(false));
        for (name, part) in &self.parts {
            let class = match part {
                Part::Tensor(..) => "Tensor".to_owned(),
                Part::Module(module) => format!("{CODE}.{}", classes[module.class].name),
            };
            body += &if name.starts_with(|first: char| first.is_ascii_digit()) {
                format!("  __annotations__[\"{name}\"] = {class}\n")
            } else {
                format!("  {name} : {class}\n")
            };
        }
        body
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::archive::stored;
    use std::path::Path;
    use tch::{Device, Kind, Tensor};

    #[test]
    fn equal_modules_share_a_class_and_all_names_are_found() {
        let tensor = |name: &str, shape: &[i64]| {
            (
                name.to_owned(),
                Tensor::zeros(shape, (Kind::Float, Device::Cpu)),
            )
        };
        let tensors = stored(
            Path::new("model.pt"),
            [
                tensor("conv1.weight", &[4, 3, 3, 3]),
                tensor("layer.0.weight", &[8, 4, 1, 3]),
                tensor("layer.1.weight", &[2, 8]),
                tensor("layer.1.running_mean", &[2]),
            ],
        )
        .expect("known kinds");
        let modules = Modules::new(&tensors, &[true, true, true, false], "  def forward(self)");
        let names: Vec<&str> = modules.classes.iter().map(|class| &*class.name).collect();
        assert_eq!(names, ["Convolution", "BatchNorm", "Layers", CLASSIFIER]);
        let source = modules.classes();
        for line in [
            "  __parameters__ = [\"weight\", ]\n  __buffers__ = [\"running_mean\", ]",
            "  __annotations__[\"1\"] = __torch__.facepipe.BatchNorm",
            "  layer : __torch__.facepipe.Layers",
            "  def forward(self)",
        ] {
            assert!(source.contains(line), "{line} is missing in {source}");
        }
    }
}

//! How the training went: `metrics.csv`.

use std::path::Path;

/// Figures by epoch.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Training {
    pub(super) epochs: Vec<f64>,
    pub(super) train_loss: Vec<f64>,
    pub(super) val_loss: Vec<f64>,
    pub(super) train_accuracy: Vec<f64>,
    pub(super) val_accuracy: Vec<f64>,
    /// The last epoch in which the trunk was frozen.
    pub(super) frozen_until: Option<f64>,
}

/// Reads the figures by the names of their columns; `None` where they are missing: a report can do
/// without.
pub(super) fn read(path: &Path) -> Option<Training> {
    let mut reader = csv::Reader::from_reader(fs_err::File::open(path).ok()?);
    let headers = reader.headers().ok()?.clone();
    let column = |name: &str| headers.iter().position(|header| header == name);
    let columns = [
        column("epoch")?,
        column("train_loss")?,
        column("val_loss")?,
        column("train_accuracy")?,
        column("val_accuracy")?,
    ];
    let phase = column("phase");
    let mut training = Training::default();
    for record in reader.records() {
        let record = record.ok()?;
        let values = columns.map(|column| record.get(column).and_then(|text| text.parse().ok()));
        let [epoch, train_loss, val_loss, train_accuracy, val_accuracy] =
            values.map(|value| value.unwrap_or(f64::NAN));
        training.epochs.push(epoch);
        training.train_loss.push(train_loss);
        training.val_loss.push(val_loss);
        training.train_accuracy.push(train_accuracy);
        training.val_accuracy.push(val_accuracy);
        if phase.and_then(|column| record.get(column)) == Some("frozen") {
            training.frozen_until = Some(epoch);
        }
    }
    (training.epochs.len() >= 2).then_some(training)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_found_by_their_names() {
        let folder = tempfile::tempdir().expect("temporary folder");
        let path = folder.path().join("metrics.csv");
        assert_eq!(read(&path), None);
        let text = "epoch,phase,lr,train_loss,train_accuracy,extra,val_loss,val_accuracy\n\
                    1,frozen,0.1,2.0,0.5,x,3.0,0.25\n2,all,0.1,1.0,0.75,x,2.0,0.5\n";
        fs_err::write(&path, text).expect("writes");
        let training = read(&path).expect("reads");
        assert_eq!(training.frozen_until, Some(1.0));
        assert_eq!(
            (training.train_loss[1], training.val_accuracy[1]),
            (1.0, 0.5)
        );
        fs_err::write(&path, "epoch,loss\n1,2\n").expect("writes");
        assert_eq!(read(&path), None);
    }
}

//! From what the configuration says of a place to the place.

use satreel_config::Place;

use crate::{Destination, Result, folder::Folder, s3::S3, sftp::Sftp};

/// Makes the destination that a place is. Reaches nothing yet, and reads no secret: both happen with
/// every call, so that a key that was replaced is used.
pub fn open(place: &Place) -> Result<Box<dyn Destination>> {
    Ok(match place {
        Place::Folder { path } => Box::new(Folder::new(path.clone())),
        Place::Sftp { .. } => Box::new(Sftp::new(place)?),
        Place::S3 { .. } => Box::new(S3::new(place)?),
    })
}

/// Makes a place ready for copies, once, when an operator says that it is the right one: the folder,
/// and on a disk of our own its marker. Done again it changes nothing.
pub async fn prepare(place: &Place) -> Result<()> {
    match place {
        Place::Folder { path } => Folder::new(path.clone()).prepare().await,
        Place::Sftp { .. } => Sftp::new(place)?.prepare().await,
        // A bucket has owners, regions and rules that only its operator knows: it is made there.
        Place::S3 { .. } => S3::new(place)?.list().await.map(|_| ()),
    }
}

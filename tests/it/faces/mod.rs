//! Faces of photos: found, cut, aligned, measured.

mod alignment;
mod crop;
mod detect;
mod dlib;
mod odd_images;
mod quality;

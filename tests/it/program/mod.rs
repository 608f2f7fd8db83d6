//! Model files, and what may befall the program.

mod faults;
mod models;

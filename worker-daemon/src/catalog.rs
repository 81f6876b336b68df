//! The model catalog, shaped for the child, and as it is for whoever asks what the models can do.
//!
//! Catalogued models force their own harness: a base prompt, code mode, multi-agent tools, a verbosity and an
//! effort that nobody asked for, and a compaction of long histories. The shaped catalog has the same models
//! without any of that, and an entry of its own for each model that operators serve and the catalog doesn't know.

mod cache;
mod info;
mod shape;

pub use cache::{Catalog, CatalogError, prepare, refresh};
pub use shape::{ShapeError, shape};

//! What tests and the demo need around gatelog: a throwaway Postgres, an in-process S3 with faults, a log generator.

pub mod corpus;
pub mod ports;
pub mod postgres;
pub mod s3;

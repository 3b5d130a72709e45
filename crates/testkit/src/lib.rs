//! What tests and the demo need around gatelog: a throwaway Postgres, an in-process S3 with faults, a simulated Azure
//! OpenAI and a client of it, a simulated Cloudflare API, a log generator.

pub mod azure;
pub mod cloudflare;
pub mod corpus;
pub mod load;
pub mod openai;
pub mod ports;
pub mod postgres;
pub mod s3;

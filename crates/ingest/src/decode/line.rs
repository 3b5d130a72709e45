//! One raw line to an event or the reason why not.

use std::{borrow::Cow, mem, sync::Arc};

use bytes::BytesMut;
use gatelog_logpush::{Field, KeyRing, LineParser, Opener, Record, text_of};
use gatelog_model::{Digest, RejectReason, SourceObject};

use crate::normalise::{LinePlace, NormaliseContext, OpenedFields, normalise, usable_log_id};

use super::{
    body::{Bodies, DecodedEvent},
    identity::{Identity, digest_of_log_id},
};

/// What became of one line.
#[derive(Debug)]
pub(super) enum LineOutcome {
    /// Nothing of it can be read, not even what identifies it.
    Rejected(RejectReason),
    /// It can be identified, but one of its sealed fields cannot be opened.
    Sealed(Identity, RejectReason),
    /// It was not asked for; only its identity counts.
    Skipped(Identity),
    /// An event.
    Event(Identity, Box<DecodedEvent>),
}

impl LineOutcome {
    /// The identity, if the line has one. A reject keeps its ordinal, so that a later retry finds the same one.
    pub(super) fn identity(&self) -> Option<Identity> {
        match self {
            Self::Rejected(_) => None,
            Self::Sealed(identity, _) | Self::Skipped(identity) | Self::Event(identity, _) => Some(*identity),
        }
    }
}

/// Decodes lines of one object on one thread.
pub(super) struct LineDecoder<'c> {
    context: &'c NormaliseContext,
    parser: LineParser,
    opener: Opener,
    source: Arc<SourceObject>,
    saw_sealed: bool,
}

impl<'c> LineDecoder<'c> {
    pub(super) fn new(context: &'c NormaliseContext, keys: &Arc<KeyRing>, source: &Arc<SourceObject>) -> Self {
        Self {
            context,
            parser: LineParser::default(),
            opener: Opener::new(Arc::clone(keys)),
            source: Arc::clone(source),
            saw_sealed: false,
        }
    }

    /// Whether any line so far had a sealed field.
    pub(super) fn saw_sealed(&self) -> bool {
        self.saw_sealed
    }

    pub(super) fn source(&self) -> &Arc<SourceObject> {
        &self.source
    }

    pub(super) fn decode(&mut self, number: u64, digest: Digest, mut line: BytesMut, wanted: bool) -> LineOutcome {
        let line_address = line.as_ptr().addr();
        let mut record = match self.parser.parse_in_place(&mut line) {
            Ok(record) => record,
            Err(reason) => return LineOutcome::Rejected(reason),
        };
        let identity = match usable_log_id(&record) {
            Some(log_id) => Identity::Log(digest_of_log_id(log_id)),
            None => Identity::Bytes(digest),
        };
        if !wanted {
            return LineOutcome::Skipped(identity);
        }
        match self.open(&mut record) {
            Ok(opened) => {
                let place = LinePlace { source: Arc::clone(&self.source), number, digest };
                let event = normalise(self.context, &record, &opened, place);
                let bodies = Bodies::of(opened, line_address);
                LineOutcome::Event(identity, Box::new(bodies.join(event, line)))
            }
            Err(reason) => LineOutcome::Sealed(identity, reason),
        }
    }

    /// Takes the three fields out of the record.
    fn open<'l>(&mut self, record: &mut Record<'l>) -> Result<OpenedFields<'l>, RejectReason> {
        self.opener.begin_line();
        Ok(OpenedFields {
            metadata: self.open_field(mem::take(&mut record.metadata))?,
            request_body: self.open_field(mem::take(&mut record.request_body))?,
            response_body: self.open_field(mem::take(&mut record.response_body))?,
        })
    }

    fn open_field<'l>(&mut self, field: Field<'l>) -> Result<Option<Cow<'l, str>>, RejectReason> {
        match field {
            Field::Absent | Field::Null => Ok(None),
            Field::Text(text) => Ok(Some(text)),
            Field::Json(json) => Ok(Some(Cow::Borrowed(json.get()))),
            Field::Sealed(envelope) => {
                self.saw_sealed = true;
                text_of(self.opener.open(&envelope)?).map(|text| Some(Cow::Owned(text)))
            }
        }
    }
}

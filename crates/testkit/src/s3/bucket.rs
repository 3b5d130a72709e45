//! The store behind the server: `s3s-fs`, with what gatelog needs and it lacks.

use std::{
    collections::HashMap,
    io::{self, SeekFrom},
    path::{Path, PathBuf},
    sync::{Mutex, PoisonError},
    time::SystemTime,
};

use s3s::{S3, S3Request, S3Response, S3Result, dto::*, s3_error};
use s3s_fs::FileSystem;
use tokio::io::{AsyncReadExt, AsyncSeekExt};
use tokio_util::io::ReaderStream;

use super::listing::{self, Found, ListQuery};

/// Bytes read from a file at once; `s3s-fs` itself reads 4 KiB, one thread hop each.
const READ_BYTES: usize = 256 * 1024;

/// Bucket and key.
type ObjectName = (String, String);
/// Size and time of the file that the etag belongs to, and the etag.
type KnownEtag = (u64, SystemTime, ETag);

/// Folders as buckets, files as objects.
#[derive(Debug)]
pub(super) struct BucketFolders {
    files: FileSystem,
    root: PathBuf,
    /// Etags already computed; worthless once the file has another size or time.
    etags: Mutex<HashMap<ObjectName, KnownEtag>>,
    /// Held over a conditional PUT: looking and writing are two steps in `s3s-fs`, and only one caller may win.
    conditional_put: tokio::sync::Mutex<()>,
}

impl BucketFolders {
    pub(super) fn open(root: &Path) -> io::Result<Self> {
        let root = root.canonicalize()?;
        let files = FileSystem::new(&root).map_err(|error| io::Error::other(format!("{error:?}")))?;
        Ok(Self { files, root, etags: Mutex::default(), conditional_put: tokio::sync::Mutex::default() })
    }

    fn bucket_folder(&self, bucket: &str) -> S3Result<PathBuf> {
        let folder = self.root.join(bucket);
        if folder.is_dir() { Ok(folder) } else { Err(s3_error!(NoSuchBucket)) }
    }

    async fn etag_of(&self, bucket: &str, found: &Found, request: &S3Request<()>) -> S3Result<ETag> {
        let name = (bucket.to_owned(), found.key.clone());
        if let Some((size_bytes, modified, etag)) = self.etags.lock().unwrap_or_else(PoisonError::into_inner).get(&name)
            && (*size_bytes, *modified) == (found.size_bytes, found.modified)
        {
            return Ok(etag.clone());
        }
        let input = HeadObjectInput { bucket: name.0.clone(), key: name.1.clone(), ..Default::default() };
        let head = self.files.head_object(request.clone().map_input(|()| input)).await?;
        let etag = head.output.e_tag.ok_or_else(|| s3_error!(InternalError, "no etag"))?;
        let known = (found.size_bytes, found.modified, etag.clone());
        self.etags.lock().unwrap_or_else(PoisonError::into_inner).insert(name, known);
        Ok(etag)
    }

    /// The bytes that an answered GET announces.
    async fn body(&self, input: &GetObjectInput, length: u64, total: u64) -> S3Result<StreamingBlob> {
        let failed = |error: io::Error| s3_error!(error, InternalError);
        let start = match input.range {
            Some(range) => range.check(total)?.start,
            None => 0,
        };
        let path = self.bucket_folder(&input.bucket)?.join(&input.key);
        let mut file = tokio::fs::File::open(path).await.map_err(failed)?;
        file.seek(SeekFrom::Start(start)).await.map_err(failed)?;
        Ok(StreamingBlob::wrap(ReaderStream::with_capacity(file.take(length), READ_BYTES)))
    }

    async fn list_page(&self, request: S3Request<ListObjectsV2Input>) -> S3Result<ListObjectsV2Output> {
        let folder = self.bucket_folder(&request.input.bucket)?;
        let mut input = None;
        let request = request.map_input(|wanted| input = Some(wanted));
        let input = input.expect("the closure has run");
        let query = ListQuery {
            prefix: input.prefix.clone().unwrap_or_default(),
            delimiter: input.delimiter.clone(),
            after: input.continuation_token.clone().max(input.start_after.clone()),
            max_keys: input.max_keys.map_or(usize::MAX, |max| usize::try_from(max).unwrap_or(0)),
        };
        let page = tokio::task::spawn_blocking(move || listing::list(&folder, &query)).await;
        let page = page.map_err(|error| s3_error!(error, InternalError))?;
        let page = page.map_err(|error| s3_error!(error, InternalError))?;
        let is_url = input.encoding_type.as_ref().is_some_and(|encoding| encoding.as_str() == EncodingType::URL);
        let print = |key: &str| if is_url { listing::percent_encode(key) } else { key.to_owned() };

        let mut contents = Vec::with_capacity(page.found.len());
        for found in &page.found {
            contents.push(Object {
                e_tag: Some(self.etag_of(&input.bucket, found, &request).await?),
                key: Some(print(&found.key)),
                last_modified: Some(found.modified.into()),
                size: i64::try_from(found.size_bytes).ok(),
                ..Default::default()
            });
        }
        let prefixes = page.common_prefixes.iter().map(|prefix| CommonPrefix { prefix: Some(print(prefix)) }).collect();
        let count = page.found.len() + page.common_prefixes.len();
        Ok(ListObjectsV2Output {
            key_count: i32::try_from(count).ok(),
            max_keys: Some(input.max_keys.unwrap_or(1_000)),
            is_truncated: Some(page.next.is_some()),
            contents: Some(contents),
            common_prefixes: Some(prefixes),
            continuation_token: input.continuation_token,
            next_continuation_token: page.next,
            delimiter: input.delimiter.as_deref().map(print),
            encoding_type: input.encoding_type,
            name: Some(input.bucket),
            prefix: input.prefix.as_deref().map(print),
            start_after: input.start_after.as_deref().map(print),
            ..Default::default()
        })
    }
}

#[async_trait::async_trait]
impl S3 for BucketFolders {
    async fn get_object(&self, request: S3Request<GetObjectInput>) -> S3Result<S3Response<GetObjectOutput>> {
        let input = request.input.clone();
        let mut answer = self.files.get_object(request).await?;
        if let (Some(ETagCondition::ETag(wanted)), Some(etag)) = (&input.if_match, &answer.output.e_tag)
            && !etag.strong_cmp(wanted)
        {
            return Err(s3_error!(PreconditionFailed));
        }
        let length = answer.output.content_length.and_then(|length| u64::try_from(length).ok()).unwrap_or(0);
        let total = answer.output.content_range.as_deref().and_then(|range| range.rsplit('/').next()?.parse().ok());
        answer.output.body = Some(self.body(&input, length, total.unwrap_or(length)).await?);
        Ok(answer)
    }

    async fn put_object(&self, request: S3Request<PutObjectInput>) -> S3Result<S3Response<PutObjectOutput>> {
        let is_conditional = request.input.if_match.is_some() || request.input.if_none_match.is_some();
        let _one_at_a_time = if is_conditional { Some(self.conditional_put.lock().await) } else { None };
        let path = self.bucket_folder(&request.input.bucket)?.join(&request.input.key);
        let name = (request.input.bucket.clone(), request.input.key.clone());
        let answer = self.files.put_object(request).await?;
        if let (Some(etag), Ok(file)) = (&answer.output.e_tag, tokio::fs::metadata(path).await)
            && let Ok(modified) = file.modified()
        {
            let known = (file.len(), modified, etag.clone());
            self.etags.lock().unwrap_or_else(PoisonError::into_inner).insert(name, known);
        }
        Ok(answer)
    }

    async fn list_objects_v2(
        &self,
        request: S3Request<ListObjectsV2Input>,
    ) -> S3Result<S3Response<ListObjectsV2Output>> {
        self.list_page(request).await.map(S3Response::new)
    }

    async fn list_objects(&self, request: S3Request<ListObjectsInput>) -> S3Result<S3Response<ListObjectsOutput>> {
        let page = self.list_page(request.map_input(Into::into)).await?;
        Ok(S3Response::new(ListObjectsOutput {
            contents: page.contents,
            common_prefixes: page.common_prefixes,
            delimiter: page.delimiter,
            encoding_type: page.encoding_type,
            is_truncated: page.is_truncated,
            max_keys: page.max_keys,
            name: page.name,
            next_marker: page.next_continuation_token,
            prefix: page.prefix,
            ..Default::default()
        }))
    }

    // From here on `s3s-fs` does what S3 does.

    async fn head_object(&self, request: S3Request<HeadObjectInput>) -> S3Result<S3Response<HeadObjectOutput>> {
        self.files.head_object(request).await
    }

    async fn delete_object(&self, request: S3Request<DeleteObjectInput>) -> S3Result<S3Response<DeleteObjectOutput>> {
        self.files.delete_object(request).await
    }

    async fn delete_objects(
        &self,
        request: S3Request<DeleteObjectsInput>,
    ) -> S3Result<S3Response<DeleteObjectsOutput>> {
        self.files.delete_objects(request).await
    }

    async fn copy_object(&self, request: S3Request<CopyObjectInput>) -> S3Result<S3Response<CopyObjectOutput>> {
        self.files.copy_object(request).await
    }

    async fn head_bucket(&self, request: S3Request<HeadBucketInput>) -> S3Result<S3Response<HeadBucketOutput>> {
        self.files.head_bucket(request).await
    }

    async fn create_bucket(&self, request: S3Request<CreateBucketInput>) -> S3Result<S3Response<CreateBucketOutput>> {
        self.files.create_bucket(request).await
    }

    async fn list_buckets(&self, request: S3Request<ListBucketsInput>) -> S3Result<S3Response<ListBucketsOutput>> {
        self.files.list_buckets(request).await
    }

    async fn get_bucket_location(
        &self,
        request: S3Request<GetBucketLocationInput>,
    ) -> S3Result<S3Response<GetBucketLocationOutput>> {
        self.files.get_bucket_location(request).await
    }

    async fn create_multipart_upload(
        &self,
        request: S3Request<CreateMultipartUploadInput>,
    ) -> S3Result<S3Response<CreateMultipartUploadOutput>> {
        self.files.create_multipart_upload(request).await
    }

    async fn upload_part(&self, request: S3Request<UploadPartInput>) -> S3Result<S3Response<UploadPartOutput>> {
        self.files.upload_part(request).await
    }

    async fn complete_multipart_upload(
        &self,
        request: S3Request<CompleteMultipartUploadInput>,
    ) -> S3Result<S3Response<CompleteMultipartUploadOutput>> {
        self.files.complete_multipart_upload(request).await
    }

    async fn abort_multipart_upload(
        &self,
        request: S3Request<AbortMultipartUploadInput>,
    ) -> S3Result<S3Response<AbortMultipartUploadOutput>> {
        self.files.abort_multipart_upload(request).await
    }
}

"""S3's records and keys: the only modules that touch the store.

    ("", "", s3, bucket, NAME)            who owns a name, which is one in the whole cloud
    (ACCOUNT, "", s3, bucket, NAME)       an account's buckets, in order
    (ACCOUNT, REGION, s3, ID, …)          what is in a bucket; ID is another one each time a name is taken
        object, KEY                       the current object's record: small, it is what a listing reads
        row, KEY                          the bytes of an object of at most 64 KiB
        extent, DATA, N                   the blobs of a larger object that has more than one, 240 to a record
        upload, KEY, UPLOAD               a multipart upload
        part, UPLOAD, NUMBER              its parts
        turn, UPLOAD                      changes whenever a part does

An object's record says where its bytes are: `blob` (one file), `data` (extents), neither (a row, or nothing where size is 0). A
version that is not the current one, and a delete marker, will be records under (version, KEY, …): a listing never meets them.
"""

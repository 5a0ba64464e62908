-- One row per payload behind a row: its source, its parser and its first capture.
-- source_id | the source
-- source_kind | api, page, marketplace or feed
-- payload_sha256 | hash of the bytes
-- parser_version | version of the parser that read them
-- seen_at | when they were first seen [UTC]
-- capture_id | the first capture
-- source_url | the address that was asked
-- bytes | size of the payload [byte]
-- credit | whom to credit
-- licence | licence of the source's data
-- parameter: hashes | hashes of the payloads
select c.source_id, s.source_kind, c.payload_sha256, max(c.parser_version) as parser_version,
    min(c.seen_at) as seen_at, arg_min(c.capture_id, c.seen_at) as capture_id,
    min(c.source_url) as source_url, max(c.bytes) as bytes, s.credit, s.licence
from meta.capture as c
left join meta.source as s using (source_id)
where list_contains($hashes, c.payload_sha256)
group by c.source_id, s.source_kind, c.payload_sha256, s.credit, s.licence
order by seen_at desc, c.source_id, c.payload_sha256

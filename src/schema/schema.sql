-- SPDX-License-Identifier: MIT
-- The read side of PODStudio; SCHEMA.md is its page. All of it can be built again from the log.
-- Timestamps are UTC text, YYYY-MM-DD HH:MM:SS.ffffff. The three tables asset, pack and job are a
-- contract with other programs: no column is ever added to them; what else the engine knows lives in
-- the side tables below, keyed by the same ids.
--
-- The words of `asset` are checked one by one: SQLite builds a temporary index for an IN list of three
-- or more at every insert, which takes longer than the insert itself.
CREATE TABLE asset (
  id            INTEGER PRIMARY KEY,
  path          TEXT NOT NULL,                -- absolute
  type          TEXT NOT NULL
                CHECK (type = 'image' OR type = 'audio' OR type = 'video'),
  hash          TEXT NOT NULL,                -- SHA-256, 64 lower-case hexadecimal digits
  width         INTEGER,                      -- pixels
  height        INTEGER,                      -- pixels
  duration_sec  REAL,
  samplerate_hz INTEGER,
  theme         TEXT,
  source        TEXT,
  provenance    TEXT NOT NULL
                CHECK (provenance = 'unknown' OR provenance = 'ai_generated'
                       OR provenance = 'user_provided' OR provenance = 'enhanced'),
  approved      BOOLEAN NOT NULL DEFAULT FALSE CHECK (approved IN (0, 1)),
  created_at    TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'),
  updated_at    TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')
);

CREATE TABLE pack (
  id            INTEGER PRIMARY KEY,
  name          TEXT NOT NULL,
  theme         TEXT,
  description   TEXT,
  license_type  TEXT NOT NULL
                CHECK (license_type IN ('royalty_free', 'attribution', 'commercial', 'personal')),
  asset_count   INTEGER NOT NULL DEFAULT 0,
  total_size_mb REAL NOT NULL DEFAULT 0.0,    -- megabytes of 1,000,000 bytes
  export_path   TEXT,
  exported_at   TIMESTAMP,
  created_at    TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'),
  updated_at    TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000')
);

CREATE TABLE job (
  id            INTEGER PRIMARY KEY,
  kind          TEXT NOT NULL CHECK (kind IN ('upscale', 'denoise_audio', 'denoise_video', 'enhance',
                                              'export_pack', 'metadata_extract')),
  asset_id      INTEGER REFERENCES asset (id),
  pack_id       INTEGER REFERENCES pack (id),
  params_json   TEXT,
  status        TEXT NOT NULL CHECK (status IN ('pending', 'running', 'completed', 'failed', 'cancelled')),
  progress      REAL NOT NULL DEFAULT 0.0,    -- percent, 0 to 100
  result_path   TEXT,
  error_message TEXT,
  created_at    TIMESTAMP NOT NULL DEFAULT (strftime('%Y-%m-%d %H:%M:%f', 'now') || '000'),
  started_at    TIMESTAMP,
  completed_at  TIMESTAMP                     -- when it ended, in whatever way
);
CREATE INDEX ix_job_asset ON job (asset_id);

-- Pack <-> asset, many to many, in the order of `position`.
CREATE TABLE pack_asset (
  pack_id  INTEGER NOT NULL REFERENCES pack (id),
  asset_id INTEGER NOT NULL REFERENCES asset (id),
  position INTEGER NOT NULL,
  PRIMARY KEY (pack_id, asset_id)
) WITHOUT ROWID;
CREATE INDEX ix_pack_asset_asset ON pack_asset (asset_id);

-- What a deleted pack leaves behind: when its deletion is undone, it has its old date, and its jobs.
CREATE TABLE deleted_pack (
  id         INTEGER PRIMARY KEY,
  created_at TIMESTAMP NOT NULL
);
CREATE TABLE deleted_pack_job (
  job_id  INTEGER PRIMARY KEY REFERENCES job (id),
  pack_id INTEGER NOT NULL REFERENCES deleted_pack (id)
);
CREATE INDEX ix_deleted_pack_job_pack ON deleted_pack_job (pack_id);

-- Archives that packs were exported to. A pack that was deleted keeps its rows: what was sold can
-- be made again.
CREATE TABLE pack_export (
  sequence    INTEGER PRIMARY KEY,            -- of its event
  pack_id     INTEGER NOT NULL,               -- the pack may be gone
  path        TEXT NOT NULL,                  -- where it was written to
  exported_at TIMESTAMP NOT NULL,
  sha256      TEXT NOT NULL,                  -- of the whole archive, 64 lower-case hexadecimal digits
  size_bytes  INTEGER NOT NULL,
  asset_count INTEGER NOT NULL,
  read_at     INTEGER NOT NULL,               -- sequence that the pack was read at
  head_hash   TEXT NOT NULL,                  -- of the frame that holds it, as `sha256`
  profile     TEXT,                           -- the marketplace that it was made for
  texts       BLOB NOT NULL                   -- manifest, signature and texts, compressed
);
CREATE INDEX ix_pack_export_pack ON pack_export (pack_id);

-- What the seller says of themselves, for the texts of packs, in one row. What was not said is null.
CREATE TABLE seller (
  only    INTEGER PRIMARY KEY CHECK (only = 1),
  author  TEXT,                               -- holder of the rights
  year    TEXT,                               -- of licences; null: that of a pack's last change
  shop    TEXT,                               -- its name or address
  contact TEXT                                -- for questions of buyers
);

-- What the file system says of an asset's file, as of the bytes `asset.hash` is of.
CREATE TABLE asset_file (
  asset_id      INTEGER PRIMARY KEY REFERENCES asset (id),
  size_bytes    INTEGER NOT NULL,
  mtime_ns      INTEGER NOT NULL,             -- since the Unix epoch
  ctime_ns      INTEGER NOT NULL,             -- since the Unix epoch
  inode         INTEGER NOT NULL,             -- two's complement of the unsigned number
  device        INTEGER NOT NULL,             -- two's complement of the unsigned number
  missing_since TIMESTAMP                     -- null: the file is there
);

-- What people think of an asset, beyond the columns above. No row: nothing yet.
CREATE TABLE asset_review (
  asset_id INTEGER PRIMARY KEY REFERENCES asset (id),
  rejected BOOLEAN NOT NULL DEFAULT FALSE CHECK (rejected IN (0, 1)),
  rating   INTEGER NOT NULL DEFAULT 0 CHECK (rating BETWEEN 0 AND 5)  -- stars; 0: none given
);

CREATE TABLE asset_tag (
  asset_id INTEGER NOT NULL REFERENCES asset (id),
  tag      TEXT NOT NULL,
  PRIMARY KEY (asset_id, tag)
) WITHOUT ROWID;

-- What a job is besides its columns. No row: 0.
CREATE TABLE job_priority (
  job_id   INTEGER PRIMARY KEY REFERENCES job (id),
  priority INTEGER NOT NULL                   -- jobs of a higher one start first
);
-- Each time a job was started.
CREATE TABLE job_attempt (
  job_id     INTEGER NOT NULL REFERENCES job (id),
  attempt    INTEGER NOT NULL,                -- from 1 on
  started_at TIMESTAMP NOT NULL,
  ended_at   TIMESTAMP,                       -- null: it runs
  ending     TEXT,                            -- `completed`, `cancelled`, or why it failed
  reason     TEXT,                            -- for people
  last_words TEXT,                            -- what the worker said last, in lines
  PRIMARY KEY (job_id, attempt)
) WITHOUT ROWID;
-- The row is there while the queue is held.
CREATE TABLE job_queue (
  held INTEGER PRIMARY KEY CHECK (held = 1)
);

-- What the bytes of a file say: read by a worker, as of the bytes `asset.hash` is of. No row: not read
-- yet. What is not there or cannot be told is null.
CREATE TABLE asset_media (
  asset_id        INTEGER PRIMARY KEY REFERENCES asset (id),
  extractor       INTEGER NOT NULL,           -- version of what read it; 0: to be read again
  mime            TEXT,                       -- by content alone
  container       TEXT,
  video_codec     TEXT,                       -- of pictures too
  audio_codec     TEXT,
  fps_numerator   INTEGER,                    -- frames a second, a fraction
  fps_denominator INTEGER,
  channels        INTEGER,
  bit_depth       INTEGER,
  pixel_format    TEXT,
  alpha_present   BOOLEAN,                    -- the pixels have transparency
  alpha_used      BOOLEAN,                    -- at least one is not opaque
  orientation     INTEGER NOT NULL,           -- 1 to 8, as EXIF defines it
  colour_profile  TEXT,
  dpi_x           REAL,
  dpi_y           REAL,
  frame_count     INTEGER,
  decoded         BOOLEAN NOT NULL,           -- the first picture or sound could be decoded
  too_large       BOOLEAN NOT NULL,           -- for that: nothing is known of its pixels
  pdq             BLOB,                       -- perceptual hash, 32 bytes, the last bits first
  pdq_quality     INTEGER                     -- 0 to 100
);
-- Why a file is not what a buyer would expect.
CREATE TABLE asset_problem (
  asset_id INTEGER NOT NULL REFERENCES asset (id),
  number   INTEGER NOT NULL,                  -- from 1 on
  kind     TEXT NOT NULL,
  reason   TEXT NOT NULL,
  PRIMARY KEY (asset_id, number)
) WITHOUT ROWID;
-- Who made a file and with what, as the file itself says it. No row: it says nothing.
CREATE TABLE asset_generation (
  asset_id            INTEGER PRIMARY KEY REFERENCES asset (id),
  tool                TEXT,
  tool_version        TEXT,
  model               TEXT,                   -- of the pass that made the file last, as what follows
  model_hash          TEXT,
  prompt              TEXT,                   -- several have a line between them
  negative_prompt     TEXT,
  seed                TEXT,                   -- a number of up to 64 bits without a sign
  steps               INTEGER,
  sampler             TEXT,
  scheduler           TEXT,
  cfg                 REAL,
  width               INTEGER,                -- as asked of the tool
  height              INTEGER,
  external_id         TEXT,                   -- the tool's own name of the run
  digital_source_type TEXT,                   -- IPTC NewsCodes
  ai_generated        BOOLEAN NOT NULL,       -- the file says that a model made it
  guesses             TEXT,                   -- JSON: columns that its form suggests and it does not state
  loras               TEXT,                   -- JSON
  passes              TEXT,                   -- JSON: all of them where there are several
  raw                 TEXT                    -- JSON: the texts that this was read from
);

CREATE TABLE watch_root (
  id         INTEGER PRIMARY KEY,
  path       TEXT NOT NULL UNIQUE,
  device     INTEGER NOT NULL,
  inode      INTEGER NOT NULL,
  state      TEXT NOT NULL CHECK (state IN ('active', 'lost')),
  reason     TEXT,                            -- why it is lost
  created_at TIMESTAMP NOT NULL
);

-- Files the engine could not take; a row goes when the file is taken after all or is gone.
CREATE TABLE problem (
  path   TEXT PRIMARY KEY,                    -- printable form
  kind   TEXT NOT NULL,
  reason TEXT NOT NULL,
  since  TIMESTAMP NOT NULL
) WITHOUT ROWID;

-- Every command in the log: who gave it, when, and which events came of it.
CREATE TABLE command (
  first_sequence INTEGER PRIMARY KEY,
  last_sequence  INTEGER NOT NULL,
  id             TEXT NOT NULL,               -- 8-4-4-4-12
  at             TIMESTAMP NOT NULL,
  origin         TEXT NOT NULL,
  summary        TEXT NOT NULL,
  subject_id     INTEGER NOT NULL,            -- the pack, job or watch root it made or removed; 0: none
  request        BLOB                         -- digest of what a client asked for; null: no client did, or the log is older
);

-- How much of the log the tables hold, and what else every transaction may change: in one row, so
-- that it writes one page for all of it. Queries read the counts and ids from the views
-- `asset_count` and `last_id`.
CREATE TABLE checkpoint (
  only       INTEGER PRIMARY KEY CHECK (only = 1),
  sequence   INTEGER NOT NULL,
  hash       BLOB NOT NULL,                   -- of the frame that holds `sequence`, 32 bytes
  -- The last frame that says anything of assets, packs or the seller, which is what an export reads.
  -- Jobs and starts of the engine leave it as it is, so that they change no archive.
  library_sequence INTEGER NOT NULL DEFAULT 0,
  library_hash     BLOB NOT NULL DEFAULT (zeroblob(32)),
  -- How many rows of `asset` there are, so that `status` need not count a million each time.
  image      INTEGER NOT NULL DEFAULT 0,
  audio      INTEGER NOT NULL DEFAULT 0,
  video      INTEGER NOT NULL DEFAULT 0,
  approved   INTEGER NOT NULL DEFAULT 0,
  missing    INTEGER NOT NULL DEFAULT 0,
  -- The highest id each table has ever given out, so that none is used twice.
  last_asset INTEGER NOT NULL DEFAULT 0,
  last_pack  INTEGER NOT NULL DEFAULT 0,
  last_job   INTEGER NOT NULL DEFAULT 0,
  last_root  INTEGER NOT NULL DEFAULT 0
);

-- Indexes that lag behind. The texts and digests of new files arrive in no order, so that keeping an
-- index of them up to date would touch a page a file; the projector fills these when it has nothing
-- else to do. What is not in them yet is looked through (query/assets.cpp). No two databases need to
-- have the same in them.
CREATE TABLE lookup_state (
  only       INTEGER PRIMARY KEY CHECK (only = 1),
  indexed_to INTEGER NOT NULL,                -- the texts of assets up to this id have been entered
  again      INTEGER NOT NULL,                -- how many were entered once more after a change
  content_to INTEGER NOT NULL                 -- the contents of assets up to this id have been entered
);
-- Assets up to `indexed_to` whose texts changed since they were entered. The index of texts only
-- narrows down where to look, the rows decide: an entry may be stale.
CREATE TABLE lookup_stale (asset_id INTEGER PRIMARY KEY);
-- Path, theme, source and tags of an asset in pieces of three characters; its rowid is the asset's id.
CREATE VIRTUAL TABLE lookup_text USING fts5 (
  text, content = '', columnsize = 0, detail = none, tokenize = 'trigram'
);
-- The files that are there and not empty, by their content, under each name. This index has what the
-- rows had when they were entered, exactly, so that it can be counted by.
CREATE TABLE lookup_content (
  digest   BLOB NOT NULL,                     -- the first 16 bytes of asset.hash
  device   INTEGER NOT NULL,
  inode    INTEGER NOT NULL,                  -- minus the asset's id where none is kept
  asset_id INTEGER NOT NULL,
  PRIMARY KEY (digest, device, inode, asset_id)
) WITHOUT ROWID;
-- Assets up to `content_to` that changed since they were entered, and as what they are; digest null:
-- they are not.
CREATE TABLE lookup_content_stale (
  asset_id INTEGER PRIMARY KEY,
  digest   BLOB,
  device   INTEGER,
  inode    INTEGER
);
-- What has several entries in `lookup_content`, and whose these are.
CREATE TABLE lookup_copies (
  digest     BLOB PRIMARY KEY,
  size_bytes INTEGER NOT NULL,
  files      INTEGER NOT NULL,                -- names of one file (hard links) count once
  names      INTEGER NOT NULL,
  saves      INTEGER NOT NULL                 -- bytes, if one of the files were kept
) WITHOUT ROWID;
CREATE TABLE lookup_copy (asset_id INTEGER PRIMARY KEY);
-- The prompts of an asset in pieces of three characters; its rowid is the asset's id. It only narrows
-- down where to look: an entry may be stale.
CREATE VIRTUAL TABLE lookup_prompt USING fts5 (
  text, content = '', columnsize = 0, detail = none, tokenize = 'trigram'
);

CREATE VIEW asset_count AS
  SELECT image, audio, video, approved, missing FROM checkpoint;
CREATE VIEW last_id AS
  SELECT 'asset' AS kind, last_asset AS id FROM checkpoint
  UNION ALL SELECT 'job', last_job FROM checkpoint
  UNION ALL SELECT 'pack', last_pack FROM checkpoint
  UNION ALL SELECT 'root', last_root FROM checkpoint;

-- Questions that people ask.
CREATE VIEW unapproved AS
  SELECT asset.* FROM asset JOIN asset_file ON asset_id = id
  WHERE NOT approved AND missing_since IS NULL;
CREATE VIEW undecided AS
  SELECT * FROM unapproved
  WHERE id NOT IN (SELECT asset_id FROM asset_review WHERE rejected);
CREATE VIEW broken_asset AS
  SELECT asset.*, number, kind, reason FROM asset_problem JOIN asset ON id = asset_id
         JOIN asset_file USING (asset_id)
  WHERE missing_since IS NULL;
CREATE VIEW active_job AS
  SELECT * FROM job WHERE status IN ('pending', 'running');
-- The files whose content is in another file too, and under which asset it was first known. Of a file
-- that is known under several names (hard links) only the first counts, as to remove another saves
-- nothing; nor do empty files.
CREATE VIEW duplicate_asset AS
  SELECT * FROM (
    SELECT asset.*, size_bytes, count(*) OVER content AS copies,
           first_value(id) OVER (content ORDER BY id) AS first_id
    FROM asset JOIN asset_file ON asset_id = id
    WHERE id IN (SELECT min(id) FROM asset JOIN asset_file ON asset_id = id
                 WHERE missing_since IS NULL AND size_bytes > 0 GROUP BY hash, device, inode,
                       CASE inode WHEN 0 THEN id END)
    WINDOW content AS (PARTITION BY hash)
  ) WHERE copies > 1;
CREATE VIEW pack_content AS
  SELECT pack_id, pack.name AS pack_name, position, asset.*, size_bytes,
         missing_since IS NOT NULL AS missing
  FROM pack_asset JOIN pack ON pack.id = pack_id JOIN asset ON asset.id = asset_id
       JOIN asset_file USING (asset_id);

INSERT INTO seller (only) VALUES (1);
INSERT INTO lookup_state (only, indexed_to, again, content_to) VALUES (1, 0, 0, 0);
INSERT INTO checkpoint (only, sequence, hash) VALUES (1, 0, zeroblob(32));

-- Made last by a bulk load: no fold of one looks anything up by these.
CREATE UNIQUE INDEX ix_asset_path ON asset (path);
-- For any choice of the three: of each combination, the assets in the order of their ids.
CREATE INDEX ix_asset_kind ON asset (type, approved, provenance);
CREATE INDEX ix_asset_theme ON asset (theme) WHERE theme IS NOT NULL;
CREATE INDEX ix_asset_file_missing ON asset_file (asset_id) WHERE missing_since IS NOT NULL;
CREATE INDEX ix_asset_tag_tag ON asset_tag (tag);
-- What the hashes of all pictures are read by that are worth comparing (media/pdq.hpp).
CREATE INDEX ix_asset_media_pdq ON asset_media (asset_id, pdq) WHERE pdq_quality >= 50;
CREATE INDEX ix_asset_generation_tool ON asset_generation (tool COLLATE NOCASE) WHERE tool IS NOT NULL;
CREATE INDEX ix_asset_generation_model ON asset_generation (model) WHERE model IS NOT NULL;
CREATE INDEX ix_asset_generation_seed ON asset_generation (seed) WHERE seed IS NOT NULL;
CREATE INDEX ix_job_status ON job (status, id) WHERE status = 'pending' OR status = 'running';
-- What saves the most first.
CREATE INDEX ix_lookup_copies_saves ON lookup_copies (saves DESC, digest, files) WHERE saves > 0;
-- The commands that people and scripts gave: a start reads the last of them.
CREATE INDEX ix_command_given ON command (first_sequence) WHERE origin = 'console';

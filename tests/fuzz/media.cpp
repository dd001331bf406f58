// SPDX-License-Identifier: MIT
#include "media_properties.hpp"
#include "properties.hpp"

#include "media/extract.hpp"
#include "media/generation/families.hpp"
#include "media/walk.hpp"
#include "platform/unique_fd.hpp"
#include "support/allocation_watch.hpp"

#include <sys/mman.h>
#include <unistd.h>

using namespace podstudio;
using namespace podstudio::media;

// The parsers of files that are ours: structures, texts, manifests, a worker's answer. Decoding is
// the libraries' and has fuzzers of its own.
namespace fuzz {

namespace {

/// What a text, or a graph of a thousand values, may take: several times itself as JSON, and what
/// texts are kept in.
constexpr std::size_t allocation_max = std::size_t{16} << 20;

void require_bounded(const generation_facts& facts) {
  extracted all;
  all.generation = facts;
  auto text = to_json(all);
  require(text.size() <= extracted_json_bytes_max, "the answer is too long");
  auto again = parse_extracted(text);
  require(bool(again), "the service would refuse what was read: "
                           + (again ? std::string() : again.failure().message));
  require(again->generation == facts, "an answer is read as something else");
}

}  // namespace

bool media_walk(const_bytes input) {
  unique_fd fd(::memfd_create("fuzz", MFD_CLOEXEC));
  require(::write(fd.get(), input.data(), input.size()) == static_cast<ssize_t>(input.size()),
          "no memory for a file");
  allocation_watch allocations;
  work_watch watch(std::chrono::seconds(10), {});
  auto from = std::make_unique<source>(fd.get(), input.size(), watch);
  limits bounds;
  podstudio::media::media_facts facts;
  carriers found;
  walked to{facts, found, bounds};
  auto what = sniff(*from);
  walk(what, *from, to);
  auto generation = read_generation(found, {});
  require(!watch.stopped(), "a walk takes more than ten seconds");
  require(allocations.largest_bytes() <= allocation_max, "a walk allocates more than it may");
  require(found.texts.size() <= carried_texts_max, "more texts than there may be");
  require(facts.problems.size() <= problems_max, "more problems than there may be");
  require_bounded(generation);
  return what.is != format::none;
}

bool media_text(const_bytes input) {
  input_cursor cursor(input);
  auto where = static_cast<carrier>(cursor.take_byte() % carrier_count);
  std::string key(text_of(cursor.take(cursor.take_byte() % 32)));
  auto text = cursor.rest();
  allocation_watch allocations;
  carriers found;
  if (where == carrier::c2pa)
    found.jumbf.assign(text.begin(), text.end());
  else if (where == carrier::xmp)
    found.xmp = text_of(text);
  else
    found.add(where, key, text_of(text));
  auto facts = read_generation(found, {});
  require(allocations.largest_bytes() <= allocation_max,
          "reading a text allocates more than it may");
  require_bounded(facts);
  return !facts.empty();
}

bool media_answer(const_bytes input) {
  allocation_watch allocations;
  auto made = parse_extracted(text_of(input));
  require(allocations.largest_bytes() <= allocation_max, "an answer allocates more than it may");
  if (!made) {
    require(made.failure().code == error_code::damaged, "an answer is refused with another error");
    return false;
  }
  auto text = to_json(*made);
  auto again = parse_extracted(text);
  require(again && to_json(*again) == text, "what was taken is not what is written");
  return true;
}

}  // namespace fuzz

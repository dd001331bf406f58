// SPDX-License-Identifier: MIT
#include "api/declare.hpp"
#include "api/families.hpp"
#include "api/parts.hpp"

namespace podstudio::api {

namespace {

struct import_start {
  static constexpr std::string_view name = "import.start",
                                    help = "Catalogue files and folders once",
                                    example = "podstudio import ~/Pictures/2026";
  static constexpr auto needs = role::curator;
  std::vector<std::string> paths;

  static void declare(auto& add) { add("paths", &import_start::paths, absolute_paths{}); }
  static json outcome() { return shape::object({{"import", shape::count()}}); }
  void start(console_state& s, const request&, answer reply) const {
    import_request wanted;
    wanted.paths = paths;
    s.self->request(s.peers.supervisor, caf::infinite, import_atom::value, wanted)
        .then(
            [reply](std::uint64_t number) mutable {
              reply(json{{"import", number}});
            },
            reply.failing());
  }
};

struct import_wait {
  static constexpr std::string_view name = "import.wait",
                                    help = "Wait for an import and report its progress",
                                    example = "podstudio import ~/Pictures/2026";
  static constexpr auto needs = role::viewer;
  std::uint64_t number = 0;
  std::uint64_t timeout_ms = 0;

  static void declare(auto& add) {
    add("import", &import_wait::number, any_number);
    add("timeout_ms", &import_wait::timeout_ms, long_poll_ms);
  }
  static json outcome() {
    auto counts = shape::object({{"not_taken", shape::map(shape::count())}});
    for (const char* each : {"scanned", "registered", "changed", "moved", "unchanged", "skipped",
                             "failed", "missing", "left"})
      counts = shape::extended(std::move(counts), {{each, shape::count()}});
    return shape::object({{"done", shape::flag()}, {"counts", counts}});
  }
  void start(console_state& s, const request&, answer reply) const {
    s.self->request(s.peers.supervisor, caf::infinite, wait_atom::value, number, timeout_ms)
        .then(
            [reply](const import_progress& p) mutable {
              reply(json{{"done", p.done},
                         {"counts",
                          {{"scanned", p.scanned},
                           {"registered", p.registered},
                           {"changed", p.changed},
                           {"moved", p.moved},
                           {"unchanged", p.unchanged},
                           {"skipped", p.skipped},
                           {"failed", p.failed},
                           {"not_taken", to_json(p.not_taken)},
                           {"missing", p.missing},
                           {"left", p.left}}}},
                    p.last_sequence);
            },
            reply.failing());
  }
};

}  // namespace

std::vector<operation> import_operations() { return rows_of<import_start, import_wait>(); }

}  // namespace podstudio::api

// SPDX-License-Identifier: MIT
#include "api/declare.hpp"
#include "api/families.hpp"
#include "api/parts.hpp"
#include "query/library.hpp"

namespace podstudio::api {

namespace {

template <bool adds>
struct watch_change {
  static constexpr auto needs = role::admin;
  std::string path;

  static void declare(auto& add) { add("path", &watch_change::path, absolute_path{}); }
  static json outcome() {
    return shape::object(
        {{"root", shape::count()}, {"path", shape::text()}, {"changed", shape::count()}});
  }
  void start(console_state& s, const request& asked, answer reply) const {
    s.self
        ->request(s.peers.supervisor, caf::infinite, root_atom::value,
                  watch_request{adds, path, asked.id, "console", digest_of(asked)})
        .then(
            [reply, shown = path](const change_outcome& outcome) mutable {
              reply(json{{"root", outcome.subject}, {"path", shown}, {"changed", outcome.changed}},
                    outcome.last_sequence);
            },
            reply.failing());
  }
};

struct watch_add : watch_change<true> {
  static constexpr std::string_view name = "watch.add", help = "Watch a folder from now on",
                                    example = "podstudio watch add ~/Pictures";
};
struct watch_remove : watch_change<false> {
  static constexpr std::string_view name = "watch.remove",
                                    help = "Stop watching a folder; its assets stay",
                                    example = "podstudio watch remove ~/Pictures";
};

struct watch_move {
  static constexpr std::string_view
      name = "watch.move",
      help = "Follow a watched folder's files to a new place, keeping labels",
      example = "podstudio watch move ~/Pictures /media/disk/Pictures";
  static constexpr auto needs = role::admin;
  std::string path, to;

  static void declare(auto& add) {
    add("path", &watch_move::path, absolute_path{});
    add("to", &watch_move::to, absolute_path{});
  }
  static json outcome() { return shape::object({{"import", shape::count()}}); }
  void start(console_state& s, const request& asked, answer reply) const {
    s.self
        ->request(s.peers.supervisor, caf::infinite, root_atom::value,
                  move_request{path, to, asked.id, "console", digest_of(asked)})
        .then(
            [reply](std::uint64_t number) mutable {
              reply(json{{"import", number}});
            },
            reply.failing());
  }
};

struct watch_confirm {
  static constexpr std::string_view name = "watch.confirm",
                                    help = "Accept that the files of a held scan are gone",
                                    example = "podstudio watch confirm ~/Pictures";
  static constexpr auto needs = role::admin;
  std::string path;

  static void declare(auto& add) { add("path", &watch_confirm::path, text{}); }
  static json outcome() { return shape::object({{"confirmed", shape::flag()}}); }
  void start(console_state& s, const request&, answer reply) const {
    s.self->request(s.peers.supervisor, caf::infinite, confirm_atom::value, path)
        .then(
            [reply](bool confirmed) mutable {
              reply(json{{"confirmed", confirmed}});
            },
            reply.failing());
  }
};

struct known_roots : no_arguments {
  static constexpr std::string_view name = "watch.list";
  result<json> ask(reader_state& s, const is_over&) const { return list_roots(*s.tables); }
};

struct watch_list : no_arguments {
  static constexpr std::string_view name = "watch.list", help = "List the watched folders",
                                    example = "podstudio watch list";
  static constexpr auto needs = role::viewer;

  static json outcome() { return shape::list(root_shape()); }
  void start(console_state& s, const request&, answer reply) const {
    s.self->request(s.peers.supervisor, caf::infinite, status_atom::value)
        .then(
            [&s, reply](const supervisor_status& sources) {
              ask_tables(
                  s, known_roots{},
                  [watchers = sources.watchers, reply](json roots) mutable {
                    add_modes(roots, watchers);
                    reply(roots);
                  },
                  reply.failing());
            },
            reply.failing());
  }
};

}  // namespace

std::vector<operation> watch_operations() {
  return rows_of<watch_add, watch_confirm, watch_list, watch_move, watch_remove>();
}

}  // namespace podstudio::api

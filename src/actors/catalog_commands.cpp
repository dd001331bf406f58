#include "actors/catalog.hpp"

#include "platform/text.hpp"

#include <utility>

/// The half of the catalog that does what people ask for.
namespace podstudio {

// --- one effect for each id
// -----------------------------------------------------------------------

void catalog_state::answer(const command_outcome& outcome, const on_outcome& then) {
  when_visible(
      outcome.last_sequence, false,
      [this, then, outcome](sequence_number) {
        then(outcome);
        answered();
      },
      [this, then](const caf::error& failure) {
        then(failure);
        answered();
      });
}

void catalog_state::change(result<std::vector<event>> decided, command what, on_outcome then,
                           std::int64_t subject) {
  auto fail = [this, then, id = what.id](const caf::error& failure) {
    auto sent = given.extract(id);
    then(failure);
    answered();
    if (sent.empty()) return;
    for (auto& again : sent.mapped().again) {
      again(failure);
      answered();
    }
  };
  if (!decided) return fail(to_caf(decided.failure()));
  what.events = std::move(*decided);
  if (subject == 0) subject = subject_of(what.events);
  if (what.id != uuid{}) given[what.id].summary = what.summary;
  auto count = what.events.size();
  log(
      std::move(what),
      [this, then, id = what.id, count, subject](sequence_number sequence) {
        command_outcome outcome{count, sequence, subject};
        auto sent = given.extract(id);
        if (!sent.empty()) memory->remember(id, sent.mapped().summary, outcome);
        answer(outcome, then);
        if (sent.empty()) return;
        for (auto& again : sent.mapped().again)
          answer(outcome, again);
      },
      fail);
}

bool catalog_state::repeats(const uuid& id, const std::string& summary, const on_outcome& then) {
  auto fail = [this, &then](const error& failure) {
    then(to_caf(failure));
    answered();
  };
  if (id == uuid{}) return false;
  if (auto known = memory->find(id, summary)) {
    if (*known)
      answer(**known, then);
    else
      fail(known->failure());
    return true;
  }
  auto first = given.find(id);
  if (first == given.end()) return false;
  if (first->second.summary != summary)
    fail(id_of_another(id));
  else
    first->second.again.push_back(then);
  return true;
}

namespace {

/// Delivers what `fill` makes of an outcome.
template <class Outcome, class Fill>
catalog_state::on_outcome deliver(caf::typed_response_promise<Outcome> promise, Fill fill) {
  return [promise, fill](caf::expected<command_outcome> outcome) mutable {
    if (outcome)
      promise.deliver(fill(*outcome));
    else
      promise.deliver(std::move(outcome.error()));
  };
}

}  // namespace

void catalog_state::command_once(const uuid& id, const std::string& origin,
                                 const std::string& summary,
                                 const std::function<result<std::vector<event>>()>& decide,
                                 caf::typed_response_promise<change_outcome> promise) {
  auto then = deliver(promise, [](const command_outcome& outcome) { return outcome; });
  if (!repeats(id, summary, then)) change(decide(), {id, origin, summary, {}}, then);
}

// --- curation and packs
// ---------------------------------------------------------------------------

void catalog_state::label(const label_request& request,
                          caf::typed_response_promise<change_outcome> promise) {
  command_once(
      request.id, request.origin, request.summary, [&] { return decide(model, request.change); },
      promise);
}

void catalog_state::change_pack(const pack_request& request,
                                caf::typed_response_promise<change_outcome> promise) {
  command_once(
      request.id, request.origin, request.summary, [&] { return decide(model, request.change); },
      promise);
}

// --- undo
// -----------------------------------------------------------------------------------------

void catalog_state::undo(const undo_request& request,
                         caf::typed_response_promise<undo_outcome> promise) {
  const auto& what = *request.what.done.what;
  auto summary = undo_summary(what.id, what.summary, request.force);
  if (repeats(request.id, summary, deliver(promise, [](const command_outcome& outcome) {
                return undo_outcome{outcome, nullptr, true};
              })))
    return;
  auto decided = std::make_shared<undo_decision>(
      decide_undo(model, what.events, request.what.paths, is_by_person(what)));
  if (!decided->complete() && (!request.force || decided->events.empty())) {
    promise.deliver(undo_outcome{{}, decided, false});
    return answered();
  }
  auto events = std::exchange(decided->events, {});
  change(std::move(events), {request.id, request.origin, summary, {}},
         deliver(promise, [decided](const command_outcome& outcome) {
           return undo_outcome{outcome, decided, true};
         }));
}

// --- watch roots
// ----------------------------------------------------------------------------------

namespace {

result<std::vector<event>> decide_root(const catalog_model& model, const root_request& request) {
  using step = root_request::step;
  switch (request.what) {
  case step::add:
    // One that is listed is watched, though its disk may be away.
    if (model.root_at(lexical_path(request.asked)) != 0) return std::vector<event>{};
    if (request.unfit) return *request.unfit;
    return decide_root_added(model, request.path, request.device, request.inode);
  case step::remove:
    return decide_root_removed(model, request.path);
  case step::move:
    return decide_root_moved(model, request.asked, request.path, request.device, request.inode);
  case step::lose:
    return decide_root_state(model, request.root, true, request.reason);
  case step::regain:
    return decide_root_state(model, request.root, false, {});
  case step::recognise:
    return decide_root_recognised(model, request.root, request.device, request.inode);
  }
  return error{error_code::internal, "no such step of a watch root"};
}

std::string describe(const root_request& request) {
  using step = root_request::step;
  switch (request.what) {
  case step::add:
    return "watch " + printable(request.asked);
  case step::remove:
    return "stop watching " + printable(request.asked);
  case step::move:
    return "watch " + printable(request.path) + " in place of " + printable(request.asked);
  case step::lose:
    return "lost a watched folder: " + request.reason;
  case step::regain:
    return "a watched folder is back";
  case step::recognise:
    return "recognised a watched folder by what is in it";
  }
  return {};
}

/// The root to remove. It is named by the path that `watch list` shows, though that may be a link
/// to another place by now, or else by another way to the same place.
std::string listed_path(const catalog_model& model, const root_request& request) {
  auto given = lexical_path(request.asked);
  return model.root_at(given) != 0 ? given : request.path;
}

}  // namespace

void catalog_state::change_root(root_request request,
                                caf::typed_response_promise<root_outcome> promise) {
  if (request.what == root_request::step::remove) request.path = listed_path(model, request);
  auto answer = [&](bool repeated) {
    return deliver(promise, [repeated](const command_outcome& outcome) {
      return root_outcome{outcome.subject, outcome.last_sequence, outcome.changed, repeated};
    });
  };
  auto summary = describe(request);
  if (repeats(request.id, summary, answer(true))) return;
  change(decide_root(model, request), {request.id, request.origin, summary, {}}, answer(false),
         model.root_at(request.path));
}

}  // namespace podstudio

// SPDX-License-Identifier: MIT
#pragma once

#include "model/curation.hpp"
#include "model/packs.hpp"
#include "support/committed.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>
#include <random>
#include <string>
#include <utility>
#include <variant>
#include <vector>

/// Random things that people ask for, and scans that are wrong, on a few assets and packs that may
/// or may not be there: so a step means the same whatever came before, and steps can be left out.
namespace random_curation {

inline constexpr podstudio::asset_id assets = 8;
inline constexpr podstudio::pack_id packs = 5;

struct wrong_scan {
  std::vector<podstudio::asset_id> missing;
};
/// What nobody can take back, so only what comes later is undone.
struct export_pack {
  podstudio::pack_id pack = 0;
};
struct submit_job {
  std::optional<podstudio::asset_id> asset;
  std::optional<podstudio::pack_id> pack;
};
using step = std::variant<podstudio::label_change, podstudio::pack_change, wrong_scan, export_pack,
                          submit_job>;

inline bool can_be_undone(const step& what) { return what.index() < 3; }

class source {
public:
  explicit source(std::uint64_t seed) : random_(seed) {}

  step next() {
    switch (below(10)) {
    case 0:
      return wrong_scan{some_assets()};
    case 1:
      return export_pack{some_pack()};
    case 2:
      return submit_job{one_in(2) ? std::optional(some_asset()) : std::nullopt,
                        one_in(2) ? std::optional(some_pack()) : std::nullopt};
    case 3:
    case 4:
    case 5:
      return next_label();
    default:
      return next_pack();
    }
  }
  std::uint64_t below(std::uint64_t bound) { return random_() % bound; }

private:
  bool one_in(std::uint64_t n) { return below(n) == 0; }
  podstudio::asset_id some_asset() { return static_cast<podstudio::asset_id>(1 + below(assets)); }
  podstudio::pack_id some_pack() { return static_cast<podstudio::pack_id>(1 + below(packs)); }
  std::vector<podstudio::asset_id> some_assets() {
    std::vector<podstudio::asset_id> ids(1 + below(4));
    std::ranges::generate(ids, [&] { return some_asset(); });
    return ids;
  }
  std::string text() { return "text" + std::to_string(below(3)); }
  std::optional<std::string> maybe_text() {
    return one_in(3) ? std::nullopt : std::optional(text());
  }

  podstudio::label_change next_label() {
    podstudio::label_change change;
    change.assets = some_assets();
    if (one_in(3)) change.set.approved = one_in(2);
    if (one_in(3)) change.set.theme = maybe_text();
    if (one_in(3)) change.set.source = maybe_text();
    if (one_in(3)) change.set.provenance = static_cast<podstudio::provenance>(below(4));
    if (one_in(3)) change.set.rating = static_cast<podstudio::rating>(below(6));
    if (!change.set.approved && one_in(3)) change.set.rejected = one_in(2);
    if (one_in(3)) change.tag = text();
    if (one_in(3)) change.untag = text();
    return change;
  }

  podstudio::pack_change next_pack() {
    auto license = [&] { return static_cast<podstudio::license_type>(below(4)); };
    switch (below(12)) {
    case 8:
      return podstudio::pack_move{some_pack(), some_asset(), one_in(2) ? some_asset() : 0,
                                  1 + below(6)};
    case 9:
      return podstudio::pack_copy{some_pack(), text(), one_in(2)};
    case 10: {
      podstudio::seller_change change;
      if (one_in(2)) change.author = maybe_text();
      if (one_in(2)) change.shop = maybe_text();
      if (one_in(2)) change.contact = maybe_text();
      if (one_in(2)) change.year = one_in(2) ? std::nullopt : std::optional<std::string>("2026");
      return change;
    }
    case 0:
    case 1:
      return podstudio::pack_creation{{text(), license(), maybe_text(), maybe_text()}, one_in(2)};
    case 2: {
      podstudio::pack_edit edit;
      edit.pack = some_pack();
      edit.force = one_in(2);
      if (one_in(2)) edit.name = text();
      if (one_in(2)) edit.license = license();
      if (one_in(2)) edit.theme = maybe_text();
      if (one_in(2)) edit.description = maybe_text();
      return edit;
    }
    case 3:
      return podstudio::pack_deletion{some_pack()};
    case 4:
      return podstudio::pack_removal{some_pack(), some_assets()};
    default:
      return podstudio::pack_addition{some_pack(), some_assets()};
    }
  }

  std::mt19937_64 random_;
};

/// The events of a step, as the catalog decides them; none where it is refused or changes nothing.
/// `last_job` counts the jobs.
inline std::vector<podstudio::event> decide_step(const podstudio::catalog_model& model,
                                                 const step& what, podstudio::job_id& last_job) {
  using namespace podstudio;
  std::vector<event> events;
  auto take = [&](const result<std::vector<event>>& decided) {
    if (decided) events = *decided;
  };
  if (const auto* labels = std::get_if<label_change>(&what)) {
    take(decide(model, *labels));
  } else if (const auto* packed = std::get_if<pack_change>(&what)) {
    take(decide(model, *packed));
  } else if (const auto* scan = std::get_if<wrong_scan>(&what)) {
    auto ids = scan->missing;
    std::ranges::sort(ids);
    ids.erase(std::ranges::unique(ids).begin(), ids.end());
    for (auto id : ids)
      if (!model.asset(id)->missing) events.emplace_back(asset_missing{id});
  } else if (const auto* exported = std::get_if<export_pack>(&what)) {
    if (const auto* pack = model.pack(exported->pack))
      events.emplace_back(pack_exported{exported->pack, pack->export_path, pack->exported_at_us,
                                        "/packs/x.zip",
                                        pack->exported_at_us.value_or(1'000'000) + 1});
  } else if (const auto* job = std::get_if<submit_job>(&what)) {
    if (!job->pack || model.pack(*job->pack) != nullptr)
      events.emplace_back(job_queued{++last_job, job_kind::export_pack, job->asset, job->pack, {}});
  }
  return events;
}

inline std::string asset_path(podstudio::asset_id id) {
  return "/lib/" + std::to_string(id) + ".png";
}

}  // namespace random_curation

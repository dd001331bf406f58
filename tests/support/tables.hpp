// SPDX-License-Identifier: MIT
#pragma once

#include "projections/projection.hpp"
#include "schema/schema.hpp"
#include "support/committed.hpp"
#include "support/must.hpp"
#include "support/temp_folder.hpp"

#include <memory>
#include <string>
#include <utility>
#include <vector>

/// Tables of a test's own, and a connection that reads them.
struct tables_fixture {
  temp_folder folder;
  std::string path = folder.path + "/podstudio.db";
  std::unique_ptr<podstudio::projection> tables = must(podstudio::projection::open(path));
  podstudio::database db = must(podstudio::open_tables_read_only(path));
  command_maker make;

  /// Folds the events of one command.
  void fold(std::vector<podstudio::event> events) {
    must(tables->fold(std::vector{make(std::move(events))}));
  }
};

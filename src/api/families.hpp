// SPDX-License-Identifier: MIT
#pragma once

#include "actors/operation.hpp"

#include <vector>

/// INTERNAL to this folder: the operations of each file.
namespace podstudio::api {

std::vector<operation> asset_operations();
std::vector<operation> history_operations();
std::vector<operation> import_operations();
std::vector<operation> job_operations();
std::vector<operation> label_operations();
std::vector<operation> log_operations();
std::vector<operation> pack_check_operations();
std::vector<operation> pack_export_operations();
std::vector<operation> pack_operations();
std::vector<operation> status_operations();
std::vector<operation> watch_operations();

}  // namespace podstudio::api

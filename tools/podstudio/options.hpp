#pragma once

#include "model/enums.hpp"

#include <CLI/App.hpp>
#include <CLI/Config.hpp>
#include <CLI/Formatter.hpp>
#include <CLI/Validators.hpp>

#include <string>
#include <vector>

namespace podstudio {

/// Takes the words of an enumeration only.
template <class E>
CLI::Validator one_of() {
  return CLI::IsMember(std::vector<std::string>(enum_words<E>.begin(), enum_words<E>.end()));
}

}  // namespace podstudio

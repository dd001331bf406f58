// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

/// INTERNAL to this folder: numbers and lists in English, the same in every locale.
namespace podstudio::packs {

/// `1 image`, `12 images`.
std::string count_of(std::size_t count, std::string_view one, std::string_view many);

/// `a, b and c`.
std::string list_of(const std::vector<std::string>& texts);

/// A number that is not below zero, rounded to at most three decimals, without zeros at the end:
/// `44.1`. What is no number or has more than 15 digits is `0`.
std::string decimal_of(double number);

/// `0:05`, `12:34`, `1:00:00`; less than a second counts as one.
std::string duration_of(double seconds);

}  // namespace podstudio::packs

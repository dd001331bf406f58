// SPDX-License-Identifier: MIT
#pragma once

#include "platform/error.hpp"

#include <cstddef>
#include <map>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

/// Texts made from a template: a small part of mustache
/// (https://mustache.github.io/mustache.5.html).
///
///   {{name}}                  the text of this name, as it is
///   {{#name}} ... {{/name}}   what is between, where the text is not empty, or the flag is set;
///   for
///                             a list once per item, within which the item's texts have names, too
///   {{^name}} ... {{/name}}   what is between otherwise: an empty text or list, a flag not set
///   {{! ... }}                nothing: a comment
///
/// A line with nothing but a tag of a section or a comment is left out. A template cannot read a
/// file or call anything. A text that is put in is not looked at again.
///
/// Rejected: libctemplate, Debian's only library for this. It takes an unknown name for an empty
/// text, which would leave a gap in a licence that nobody notices; it cannot say in which line; and
/// its templates can include files.
namespace podstudio::packs {

inline constexpr std::size_t template_bytes_max = 256u << 10, text_bytes_max = 1u << 20;
/// How deep sections may be nested.
inline constexpr std::size_t template_depth_max = 16;

/// Items with these texts each. The names are known even where there is no item.
struct item_list {
  std::vector<std::string> names;
  std::vector<std::vector<std::string>> items;  ///< in the order of the names
};
using template_value = std::variant<std::string, bool, item_list>;
using template_values = std::map<std::string, template_value, std::less<>>;

/// Fills a template; `file` is how errors call it. Errors: `invalid_argument`, naming the file and
/// the line, for what is no template and for a name that is not known, with those that are;
/// `refused` for a template or a text that is too large.
result<std::string> fill_template(std::string_view text, std::string_view file,
                                  const template_values& values);

}  // namespace podstudio::packs

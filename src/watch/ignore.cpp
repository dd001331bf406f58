// SPDX-License-Identifier: MIT
#include "watch/ignore.hpp"

#include "platform/files.hpp"
#include "platform/text.hpp"
#include "watch/wildcard.hpp"

#include <algorithm>
#include <bitset>
#include <cassert>
#include <optional>
#include <span>
#include <utility>

namespace podstudio {

namespace {

/// `.*` says it for some of the others as well; they hold on where a file takes hidden ones in by
/// name.
constexpr std::string_view default_patterns = R"(.*
.git/
*.part
*.partial
*.crdownload
*.download
*.filepart
*.aria2
*.!ut
*.tmp
*.temp
*.swp
*~
~$*
.~lock.*
Thumbs.db
@eaDir/
__MACOSX/
$RECYCLE.BIN/
System Volume Information/
lost+found/
)";

/// The names of a path `a/b`, or of none where it is empty, and then one more.
class path_names {
public:
  path_names(std::string_view folder, std::string_view last) : folder_(folder), last_(last) {}

  bool done() const noexcept { return done_; }

  std::string_view next() {
    if (folder_.empty()) {
      done_ = true;
      return last_;
    }
    auto name = folder_.substr(0, folder_.find('/'));
    folder_.remove_prefix(std::min(name.size() + 1, folder_.size()));
    return name;
  }

private:
  std::string_view folder_;
  std::string_view last_;
  bool done_ = false;
};

/// The patterns between the slashes of `text`. `**` as a whole name becomes `any_folders`; at the
/// end or before an escaped slash it stands for at least one name. Nothing for what matches no
/// path.
std::optional<std::vector<wildcard>> parse_names(std::string_view text) {
  std::vector<wildcard> names;
  for (std::size_t at = 0;; ++at) {
    auto behind = std::min(text.find_first_not_of('*', at), text.size());
    auto rest = text.substr(behind);
    if (behind >= at + 2 && (rest.empty() || rest[0] == '/' || rest.starts_with("\\/"))) {
      names.push_back(wildcard::any_folders());
      if (!rest.starts_with('/')) names.push_back(wildcard::any_name());
      at = rest.starts_with('\\') ? behind + 1 : behind;
    } else {
      auto name = wildcard::parse(text, at);
      if (!name || name->empty()) return std::nullopt;
      names.push_back(*std::move(name));
    }
    if (at == text.size()) return names;
  }
}

bool matches(std::span<const wildcard> wanted, path_names path, std::uint64_t& steps) {
  // As in a wildcard: only the last `**` that was met is ever made longer.
  std::size_t at = 0;
  std::size_t behind_folders = 0;  // 0: no `**` yet
  path_names folders_end = path;
  for (;;) {
    ++steps;
    if (at < wanted.size() && wanted[at].is_any_folders()) {
      behind_folders = ++at;
      folders_end = path;
    } else if (at == wanted.size() && path.done()) {
      return true;
    } else if (at < wanted.size() && !path.done() && wanted[at].matches(path.next(), steps)) {
      ++at;
    } else {
      if (behind_folders == 0 || folders_end.done()) return false;
      folders_end.next();
      at = behind_folders;
      path = folders_end;
    }
  }
}

/// Cuts the first line off, and the carriage return at its end.
std::string_view take_line(std::string_view& text) {
  auto line = text.substr(0, text.find('\n'));
  text.remove_prefix(std::min(line.size() + 1, text.size()));
  if (line.ends_with('\r')) line.remove_suffix(1);
  return line;
}

/// Without the spaces at the end, but with one that a backslash keeps.
std::string_view without_trailing_spaces(std::string_view line) {
  std::size_t end = 0;
  for (std::size_t at = 0; at < line.size(); ++at) {
    if (line[at] == '\\')
      end = std::min(++at + 1, line.size());
    else if (line[at] != ' ')
      end = at + 1;
  }
  return line.substr(0, end);
}

}  // namespace

struct ignore_rules::pattern {
  bool negated = false;
  bool folders_only = false;
  bool anchored = false;  ///< is of the path from the folder of the rules, not of a name anywhere
  std::vector<wildcard> names;

  /// Nothing for what matches no path.
  static std::optional<pattern> parse(std::string_view line);
};

std::optional<ignore_rules::pattern> ignore_rules::pattern::parse(std::string_view line) {
  pattern parsed;
  if (line.starts_with('!')) {
    parsed.negated = true;
    line.remove_prefix(1);
  }
  if (line.ends_with('/')) {
    parsed.folders_only = true;
    line.remove_suffix(1);
  }
  parsed.anchored = line.find('/') != std::string_view::npos;
  if (line.starts_with('/')) line.remove_prefix(1);
  auto names = parse_names(line);
  if (!names) return std::nullopt;
  parsed.names = *std::move(names);
  return parsed;
}

/// Most names of a large tree end in a way that none of its patterns does. These are told by their
/// first and last bytes, without a look at the patterns.
struct ignore_rules::pattern_list {
  std::vector<pattern> patterns;
  std::bitset<256> last_bytes;   ///< of the names that patterns with a fixed last byte match
  std::bitset<256> first_bytes;  ///< of other patterns, those with a fixed first byte
  bool any_name = false;         ///< there are patterns with neither

  void add(pattern added);
  bool may_match(std::string_view name) const noexcept {
    return any_name || name.empty() || last_bytes[static_cast<unsigned char>(name.back())]
           || first_bytes[static_cast<unsigned char>(name.front())];
  }
};

void ignore_rules::pattern_list::add(pattern added) {
  // Whatever comes before it, the last name of a pattern is that of the entry.
  const auto& name = added.names.back();
  if (auto byte = name.last_byte())
    last_bytes.set(*byte);
  else if (auto first = name.first_byte())
    first_bytes.set(*first);
  else
    any_name = true;
  patterns.push_back(std::move(added));
}

result<ignore_rules> ignore_rules::parse(std::string_view text) {
  if (text.size() > ignore_file_bytes_max)
    return error{error_code::invalid_argument, "is larger than "
                                                   + std::to_string(ignore_file_bytes_max)
                                                   + " bytes; make it smaller"};
  if (text.starts_with("\xef\xbb\xbf")) text.remove_prefix(3);
  pattern_list list;
  std::size_t count = 0;
  while (!text.empty()) {
    auto line = take_line(text);
    if (line.empty() || line.starts_with('#')) continue;
    if (++count > ignore_patterns_max)
      return error{error_code::invalid_argument,
                   "has more than " + std::to_string(ignore_patterns_max) + " patterns; use fewer"};
    line = line.substr(0, line.find('\0'));  // as git reads it
    if (auto parsed = pattern::parse(without_trailing_spaces(line))) list.add(*std::move(parsed));
  }
  ignore_rules rules;
  if (!list.patterns.empty()) rules.list_ = std::make_shared<const pattern_list>(std::move(list));
  return rules;
}

ignore_verdict ignore_rules::verdict(std::string_view folder, std::string_view name, bool is_folder,
                                     std::uint64_t* steps) const {
  if (!list_) return ignore_verdict::none;
  std::uint64_t uncounted = 0;
  auto& counted = steps != nullptr ? *steps : uncounted;
  ++counted;
  if (!list_->may_match(name)) return ignore_verdict::none;
  for (auto at = list_->patterns.rbegin(); at != list_->patterns.rend(); ++at) {
    if (at->folders_only && !is_folder) continue;
    path_names path(at->anchored ? folder : std::string_view(), name);
    if (matches(at->names, path, counted))
      return at->negated ? ignore_verdict::kept : ignore_verdict::ignored;
  }
  return ignore_verdict::none;
}

const ignore_rules& default_ignore_rules() {
  static const auto rules = *ignore_rules::parse(default_patterns);
  return rules;
}

ignore_scope::ignore_scope(ignore_rules own, ignore_rules defaults) {
  put_on_top(std::move(defaults));
  put_on_top(std::move(own));
}

void ignore_scope::put_on_top(ignore_rules rules) {
  if (rules.empty()) return;
  top_ = std::make_shared<const level>(level{std::move(rules), folder_.size(), std::move(top_)});
}

ignore_scope ignore_scope::enter(std::string_view name, ignore_rules own) const {
  ignore_scope inner = *this;
  inner.folder_ += name;
  inner.folder_ += '/';
  inner.put_on_top(std::move(own));
  return inner;
}

bool ignore_scope::ignored(std::string_view name, bool is_folder) const {
  std::string_view folder = folder_;
  for (const auto* at = top_.get(); at != nullptr; at = at->above.get()) {
    auto verdict = at->rules.verdict(folder.substr(at->folder_bytes), name, is_folder);
    if (verdict != ignore_verdict::none) return verdict == ignore_verdict::ignored;
  }
  return false;
}

result<ignore_rules> read_ignore_rules(int folder, const std::string& folder_path) {
  static const std::string name(ignore_file_name);
  auto path = folder_path;
  if (!path.ends_with('/')) path += '/';
  path += name;
  auto text = read_small_file(folder, name, path, ignore_file_bytes_max);
  if (!text && text.failure().code == error_code::not_found) return ignore_rules();
  if (!text) return text.failure();
  auto rules = ignore_rules::parse(*text);
  if (!rules)
    return error{rules.failure().code,
                 "the ignore file " + in_quotes(path) + " " + rules.failure().message};
  return rules;
}

result<bool> is_ignored(const std::string& root, const std::string& path, bool is_folder,
                        const ignore_rules_reader& rules_of, const ignore_rules& defaults) {
  if (!lies_within(path, root))
    return error{error_code::invalid_argument,
                 in_quotes(path) + " is not inside " + in_quotes(root) + "; check the path"};
  if (path == root) return false;
  ignore_scope scope(rules_of(root), defaults);
  for (auto at = root == "/" ? 1 : root.size() + 1;;) {
    auto end = path.find('/', at);
    auto name = std::string_view(path).substr(at, end - at);
    auto last = end == std::string::npos;
    if (scope.ignored(name, last ? is_folder : true)) return true;
    if (last) return false;
    scope = scope.enter(name, rules_of(path.substr(0, end)));
    at = end + 1;
  }
}

}  // namespace podstudio

// The printed default file, docs/configuration.md and the man page postern.yaml(5), all from the schema.
#include <fmt/format.h>

#include <algorithm>

#include "config/load.hpp"
#include "config/reader.hpp"
#include "config/roff.hpp"
#include "config/schema.hpp"
#include "config/words.hpp"

namespace postern::config {
namespace {

constexpr std::size_t comment_width = 110;

std::string_view note(const Row& row) { return row.effect == Effect::later ? " (No effect in this version.)" : ""; }

std::string_view value_of(const Row& row) { return row.standard.empty() ? row.example : row.standard; }

/// A name to show where the operator chooses one.
std::string_view example_key(const Row& row) {
  if (row.names == nullptr) return row.key();
  if (row.names == &kinds::method) return "INVITE";
  if (row.names == &kinds::glob) return "\"1001\"";
  return row.kind == &kinds::pattern ? "scanners" : row.kind == &kinds::network ? "office" : "example";
}

/// Writes each key once. What the smallest file needs stands there as it is, all else as `#key: value`.
class DefaultFile {
 public:
  std::string write() {
    for (const Row* row : children(root_row())) {
      out_ += '\n';
      key(*row, 0, "", row->required);
    }
    return std::move(out_);
  }

 private:
  void key(const Row& row, std::size_t indent, std::string_view dash, bool active) {
    comment(indent + dash.size(), std::string(row.help) + std::string(note(row)));
    const std::string_view mark = active ? "" : "#";
    const bool whole = children(row).empty() || (!active && !value_of(row).empty());
    out_ += fmt::format("{:{}}{}{}{}:{}{}\n", "", indent, mark, dash, example_key(row), whole ? " " : "", whole ? value_of(row) : "");
    if (!whole) below(row, indent + dash.size() + 2, active);
  }

  void below(const Row& row, std::size_t indent, bool active) {
    bool first = true;
    for (const Row* child : children(row)) {
      // Conditions taken over from another row stand there.
      if (!row.like.empty() && !first) break;
      const std::string_view dash = row.is_list() && first ? "- " : "";
      key(*child, row.is_list() && !first ? indent + 2 : indent, dash, active && child->required);
      first = false;
    }
  }

  void comment(std::size_t indent, std::string_view text) {
    const std::string begin = std::string(indent, ' ') + "#";
    std::string line = begin;
    for (const std::string_view word : split_words(text)) {
      if (line.size() + word.size() + 1 > comment_width) {
        out_ += line + '\n';
        line = begin;
      }
      line += fmt::format(" {}", word);
    }
    out_ += line + '\n';
  }

  std::string out_;
};

std::string markdown(std::string text) {
  for (std::size_t at = 0; (at = text.find('|', at)) != std::string::npos; at += 2) text.insert(at, "\\");
  return text;
}

std::string range_text(const Row& row) {
  const Range any;
  if (row.range.most == any.most) return "";
  if (row.kind == &kinds::duration) {
    using std::chrono::milliseconds;
    return fmt::format(", {} to {}", to_string(milliseconds(row.range.least)), to_string(milliseconds(row.range.most)));
  }
  return fmt::format(", {} to {}", row.range.least, row.range.most);
}

std::string_view effect_text(const Row& row) {
  if (row.effect == Effect::later) return "not yet: warning";
  return row.held ? "now" : "now, reload";
}

void append_row(std::string& out, const Row& row) {
  const std::string standard = row.standard.empty() ? (row.required ? "required" : "") : fmt::format("`{}`", row.standard);
  const std::string example = row.example.empty() ? "" : fmt::format(" Example: `{}`.", row.example);
  out += fmt::format("| `{}` | {}{} | {} | {} | {}{} |\n", row.path, markdown(describe(row)), range_text(row), markdown(standard),
                     effect_text(row), markdown(std::string(row.help)), markdown(example));
}

constexpr std::string_view default_file_head =
    "# Postern. Lines that begin with `#key:` show the defaults, or an example where there is none.\n"
    "# `postern check -c FILE` says what is wrong with this file. All keys: docs/configuration.md.\n";

/// The line of one key in a list with its value, its default and when it takes effect below.
void append_entry(std::string& out, const Row& row) {
  out += fmt::format(".TP\n\\fB{}\\fR\n{}{}.\n", roff_verbatim(row.path), roff(describe(row)), range_text(row));
  if (row.required) out += "Required.\n";
  if (!row.standard.empty()) out += fmt::format("Default: \\fB{}\\fR.\n", roff_verbatim(row.standard));
  if (const std::string_view effect = effect_text(row); effect != "now, reload") out += fmt::format("In effect: {}.\n", roff(effect));
  out += ".br\n" + roff(row.help) + "\n";
  if (!row.example.empty()) out += fmt::format("Example: \\fB{}\\fR.\n", roff_verbatim(row.example));
}

constexpr std::string_view page_title =
    "# Configuration\n"
    "\n"
    "<!-- Made from the schema (config/schema.cpp); a test compares them. -->\n"
    "\n";

constexpr std::string_view page_head =
    "The smallest file has two lines, and its defaults are the safe ones:\n"
    "\n"
    "```yaml\n"
    "listeners: [udp://0.0.0.0:5060]\n"
    "pbx: udp://10.0.0.5:15060\n"
    "```\n"
    "\n"
    "`postern check -c FILE` reports everything that is wrong with a file at once, as `file:line:column: path: message`.\n"
    "\n"
    "- Every scalar is text: `NO` is Norway, `0900` keeps its zero. A switch is `on`, `yes`, `true` or `off`, `no`, `false`.\n"
    "- An unknown or a repeated key is an error. A path that is not absolute is relative to the file that names it.\n"
    "- Durations: `500ms`, `30s`, `10m`, `1h`, `7d`. Rates: `50/s`, `30/m`, `10/h`.\n"
    "- A bare address is a network of one; of a network with host bits set these are cleared, with a warning.\n"
    "- A condition takes a value, a list of values, or `{not: value or list}`.\n"
    "- A file may have 1 MiB, 100,000 values (aliases counted out), 200,000 brackets and commas and 32 levels; long lists of networks "
    "belong\n"
    "  into files of their own.\n"
    "- Quote what holds brackets, `#` or a leading `*`: `listeners: [udp://0.0.0.0:5060, \"udp://[::]:5060\"]`.\n"
    "- `[]` behind a key means a list, `*` a key of your own choice. *now, reload* is taken over by a reload, *now* alone by a start: a\n"
    "  reload that would change it is refused. *not yet* keys are checked and do nothing in this version: a warning, and where they would\n"
    "  protect, an error.\n"
    "\n"
    "`kill -HUP`, or `systemctl reload postern`, reads the file and all that it names again: [how a reload\n"
    "goes](operations.md#reloading).\n";

constexpr std::string_view table_head =
    "\n"
    "| key | value | default | in effect | what it does |\n"
    "|---|---|---|---|---|\n";

}  // namespace

std::string default_file() { return std::string(default_file_head) + DefaultFile().write(); }

std::string reference_page() {
  std::string out = std::string(page_title) + std::string(page_head) + std::string(table_head);
  for (const Row& row : schema()) append_row(out, row);
  return out;
}

std::string manual_page() {
  std::string out =
      ".TH POSTERN.YAML 5 \"\" \"Postern\"\n"
      ".SH NAME\npostern.yaml \\- configuration of Postern, a session border controller for SIP\n"
      ".SH DESCRIPTION\n";
  out += roff_page(page_head) + ".SH KEYS\n";
  for (const Row& row : schema()) append_entry(out, row);
  return out + ".SH SEE ALSO\n.BR postern (1)\n";
}

}  // namespace postern::config

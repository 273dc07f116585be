#include "sbc/commands/table.hpp"

#include <algorithm>

#include "config/located.hpp"

namespace postern::commands {

std::string table(const std::vector<TableRow>& rows) {
  std::vector<TableRow> cells = rows;
  std::vector<std::size_t> widths(rows.front().size());
  for (TableRow& row : cells) {
    for (std::size_t i = 0; i < row.size(); ++i) {
      row[i] = row[i].empty() ? "-" : config::printable(row[i]);
      widths[i] = std::max(widths[i], row[i].size());
    }
  }
  std::string out;
  for (const TableRow& row : cells) {
    std::string line;
    for (std::size_t i = 0; i < row.size(); ++i) {
      line += row[i];
      if (i + 1 < row.size()) line.append(widths[i] - row[i].size() + 2, ' ');
    }
    out += line + "\n";
  }
  return out;
}

}  // namespace postern::commands

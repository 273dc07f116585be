// A table for the terminal.
#pragma once

#include <string>
#include <vector>

namespace postern::commands {

using TableRow = std::vector<std::string>;

/// Aligned columns, two spaces between them; the first row is the head. All rows have as many cells. Cells are made printable.
std::string table(const std::vector<TableRow>& rows);

}  // namespace postern::commands

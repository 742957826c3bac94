#include "core/runtime/task_times.h"

#include <algorithm>
#include <bit>
#include <cmath>
#include <fstream>
#include <iomanip>
#include <sstream>
#include <string>

#include "core/base/new_file.h"

namespace weft::runtime {

namespace {

constexpr double kKept = 0.9;
constexpr double kMoved = 0.2;
constexpr const char* kHead = "weft task times 1";

int64_t rows_key(int64_t rows) {
  return int64_t(std::bit_ceil(uint64_t(std::max<int64_t>(rows, 1))));
}

}  // namespace

// Where all runs had nearly one past, or where less past took longer, the mean is all there is.
double TaskTimes::Line::at(double past) const {
  const double mean_x = x / w, mean_y = y / w;
  const double spread = xx / w - mean_x * mean_x;
  if (spread < 1) return mean_y;
  const double slope = std::max(0.0, (xy / w - mean_x * mean_y) / spread);
  return std::max(mean_y + slope * (past - mean_x), mean_y / 10);
}

void TaskTimes::add(uint32_t stage, int64_t rows, int64_t past, int64_t ns) {
  Line& line = lines_[{stage, rows_key(rows)}];
  for (double* sum : {&line.w, &line.x, &line.y, &line.xx, &line.xy}) *sum *= kKept;
  const double px = double(past), py = double(ns);
  line.w += 1;
  line.x += px;
  line.y += py;
  line.xx += px * px;
  line.xy += px * py;
}

int64_t TaskTimes::expect(uint32_t stage, int64_t rows, int64_t past) const {
  const int64_t key = rows_key(rows);
  const std::pair<const std::pair<uint32_t, int64_t>, Line>* nearest = nullptr;
  int64_t distance = 0;
  for (auto it = lines_.lower_bound({stage, 0}); it != lines_.end() && it->first.first == stage;
       ++it) {
    const int64_t here = std::abs(int64_t(std::bit_width(uint64_t(it->first.second))) -
                                  int64_t(std::bit_width(uint64_t(key))));
    if (!nearest || here < distance) {
      nearest = &*it;
      distance = here;
    }
  }
  if (!nearest) return 0;
  const double scale = double(key) / double(nearest->first.second);
  return std::max<int64_t>(1, std::llround(nearest->second.at(double(past)) * scale));
}

bool TaskTimes::knows(uint32_t count) const {
  for (uint32_t stage = 0; stage < count; ++stage) {
    const auto found = lines_.lower_bound({stage, 0});
    if (found == lines_.end() || found->first.first != stage) return false;
  }
  return true;
}

bool TaskTimes::has_moved() const {
  return std::any_of(lines_.begin(), lines_.end(), [](const auto& entry) {
    const double mean = entry.second.y / entry.second.w;
    return std::abs(mean - entry.second.saved_ns) > kMoved * entry.second.saved_ns;
  });
}

void TaskTimes::load(const std::filesystem::path& file) {
  std::ifstream in(file);
  std::string text;
  if (!std::getline(in, text) || text != kHead) return;
  std::map<std::pair<uint32_t, int64_t>, Line> lines;
  while (std::getline(in, text)) {
    std::istringstream words(text);
    uint32_t stage = 0;
    int64_t rows = 0;
    Line line;
    words >> stage >> rows >> line.w >> line.x >> line.y >> line.xx >> line.xy;
    const bool sound = words && rows > 0 && line.w > 0 && line.y > 0 && line.x >= 0 &&
                       std::isfinite(line.w + line.x + line.y + line.xx + line.xy);
    if (!sound) return;
    line.saved_ns = line.y / line.w;
    lines[{stage, rows}] = line;
  }
  lines_ = std::move(lines);
}

Status TaskTimes::save(const std::filesystem::path& file) {
  std::ostringstream text;
  text << kHead << "\n" << std::setprecision(17);
  for (auto& [key, line] : lines_) {
    text << key.first << " " << key.second << " " << line.w << " " << line.x << " " << line.y << " "
         << line.xx << " " << line.xy << "\n";
    line.saved_ns = line.y / line.w;
  }
  NewFile out = TRY(NewFile::create(file, ErrorKind::usage));
  TRY(out.write(text.str()));
  return out.finish_unsynced();
}

}  // namespace weft::runtime

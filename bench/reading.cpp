// Seconds that it takes to read one file into a data set. bench/reading.py makes the files and puts other readers beside it.
//
//     bench/reading FILE [TARGET [THREADS]]
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <exception>

#include <tacit/problems/data/dataset.hpp>

int main(int argc, char** argv) {
  if (argc < 2) {
    std::puts("bench/reading FILE [TARGET [THREADS]]");
    return 0;
  }
  try {
    tacit::DataOptions options;
    options.train = argv[1];
    if (argc > 2) options.target = argv[2];
    if (argc > 3) options.table.limits.threads = std::atoi(argv[3]);
    const auto start = std::chrono::steady_clock::now();
    const tacit::Dataset data = tacit::load_dataset(options);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    std::printf("%.6f\n", seconds.count());
    return data.rows() > 0 ? 0 : 1;
  } catch (const std::exception& e) {
    std::fprintf(stderr, "%s\n", e.what());
    return 1;
  }
}

// Texts that are read piece by piece give what they give as a whole, whatever the pieces; limits of what a file may ask for.
#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <csignal>
#include <fstream>
#include <iterator>
#include <tacit/problems/data/dataset.hpp>
#include <tacit/problems/readers/detail/text_window.hpp>
#include <tacit/problems/readers/libsvm.hpp>
#include <tacit/problems/readers/table.hpp>
#include <thread>

#include "paths.hpp"
#include "problems/files.hpp"
#include "problems/in_pieces.hpp"
#include "problems/number_files.hpp"

using namespace tacit;
using tacit_test::contains;
using tacit_test::data_error;
using tacit_test::Folder;
using tacit_test::gzip;
using tacit_test::pieces;
using tacit_test::told;
using tacit_test::told_libsvm;

namespace {

void require_same_in_pieces(const std::string& name, const std::string& bytes, const TableOptions& options = {}) {
  const Folder folder;
  for (const bool packed : {false, true}) {
    const std::string path = folder.write(name + (packed ? ".gz" : ""), packed ? gzip(bytes) : bytes);
    const std::string whole = told(path, options, 0);
    for (const std::size_t piece : {1, 2, 3, 7, 16, 61, 4096}) {
      CAPTURE(bytes.substr(0, 200));
      CAPTURE(piece);
      CAPTURE(packed);
      CHECK(told(path, options, piece) == whole);
      CHECK(told(path, options, piece, 3) == whole);
    }
  }
}

std::string bytes_of(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string many_rows(const std::string& header, const std::string& row, int n, const std::string& end = "\n") {
  std::string text = header + end;
  for (int i = 0; i < n; ++i) text += std::to_string(i) + row + end;
  return text;
}

}  // namespace

TEST_CASE("a table read in pieces of any size is the table: ends of lines, quotation marks, words, marks, large numbers") {
  for (const std::string end : {"\n", "\r\n", "\r\r\n"}) {
    require_same_in_pieces("t.csv", many_rows("a,b,c", ",2.5,x", 40, end));
    require_same_in_pieces("t.csv",
                           "\xef\xbb\xbf" + many_rows("a,\"b" + end + "c\",d", ",\"x" + end + "y, \"\"z\"\"\",3", 25, end));
    require_same_in_pieces("t.csv", many_rows("a,b", ",\"one\"", 20, end) + "7,\"last\"");
    require_same_in_pieces("t.tsv", many_rows("a\tb", "\t", 30, end) + "   " + end + end + "5\t6");
  }
  require_same_in_pieces("t.txt", many_rows("a b c", "  1 \"2\"", 30));
  require_same_in_pieces("t.csv",
                         many_rows("id,v", "9007199254740993,1", 20) + "9007199254740993,inf\n12,-inf\n9007199254740992,NA\n");
  require_same_in_pieces("t.csv", many_rows("name,\xc3\xa4\xe2\x82\xac", ",\xe2\x82\xac\xf0\x9f\x98\x80", 20));
  require_same_in_pieces("t.csv", many_rows("", "", 20));
}

TEST_CASE("an error in a table that is read in pieces has its line, its column and its remedy") {
  for (const std::string bad : {"1,2,3,4\n", "1,2\n", "1,\"2\" x,3\n", "1,\"2,3\n", "1,\xc3,3\n", "\xe2\x82\xac,\xe2\x82,3\n"}) {
    require_same_in_pieces("t.csv", many_rows("a,b,c", ",2,3", 30) + bad + many_rows("4,5,6", ",8,9", 30));
    require_same_in_pieces("t.csv", bad + many_rows("4,5,6", ",8,9", 30));
    require_same_in_pieces("t.csv", many_rows("a,b,c", ",2,3", 30) + bad);
  }
  require_same_in_pieces("t.csv", many_rows("# one\n# two\na,b", ",2", 30));
  require_same_in_pieces("t.csv", many_rows("a,a", ",2", 30));
  require_same_in_pieces("t.csv", "sep=;\n" + many_rows("a;b", ";2", 30));
  require_same_in_pieces("t.csv", "a title\n\n" + many_rows("a,b", ",2", 30));
  require_same_in_pieces("t.csv", "a,b\r1,2\r");
  require_same_in_pieces("t.csv", "a,b\n");
  TableOptions skip;
  skip.skip_rows = 3;
  require_same_in_pieces("t.csv", "x\ny,\n\n" + many_rows("a,b", ",2", 30), skip);
}

TEST_CASE("a file that is another one when it is read again is refused") {
  const Folder folder;
  const std::string path = folder.write("t.csv", "a,y\n1,2\n3,4\n5,6\n7,8\n");
  const auto walk = [&](std::uint64_t digest) {
    TextFile file = TextFile::open(path, pieces(8));
    REQUIRE_FALSE(file.whole());
    file.set_digest(digest);
    TextWindow window(file);
    while (!window.at_end()) window.advance(window.text().size());
    return window.digest();
  };
  const std::uint64_t digest = walk(0);
  CHECK(digest == TextFile::read(path).digest());
  CHECK(walk(digest) == digest);
  folder.write("t.csv", "a,y\n1,2\n3,4\n");
  CHECK(contains(data_error("D101", [&] { walk(digest); }).what(), "changed while it was read"));
}

TEST_CASE("the tables of the repository are the same in pieces") {
  const Folder folder;
  for (const std::string name : {"diabetes.csv", "wine.csv", "breast_cancer.csv"}) {
    std::string text = bytes_of(std::string(tacit::test::source_dir()) + "/data/" + name);
    text.resize(std::min<std::size_t>(text.find('\n', 12000), text.size() - 1) + 1);
    const std::string path = folder.write(name, text), whole = told(path, {}, 0);
    for (const std::size_t piece : {1, 5, 100, 1000, 5000}) CHECK(told(path, {}, piece) == whole);
  }
}

TEST_CASE("of several wrong rows the first one is said, however many threads read them") {
  const std::vector<std::string> bad{"1,2\n", "1,2,3,4\n", "1,\"2\" x,3\n", "1,\xc3,3\n"};
  for (const std::string& first : bad) {
    for (const std::string& second : bad) {
      const Folder folder;
      const std::string path = folder.write("t.csv", many_rows("a,b,c", ",2,3", 200) + first + many_rows("4,5,6", ",8,9", 20) +
                                                         second + many_rows("4,5,6", ",8,9", 200));
      for (const std::size_t piece : {1, 30, 500}) {
        const std::string alone = told(path, {}, piece);
        // Characters are looked at before rows: a broken one may be said first, but always is then.
        if (second != bad.back()) CHECK(contains(alone, " 202:"));
        for (int again = 0; again < 5; ++again) CHECK(told(path, {}, piece, 4) == alone);
      }
    }
  }
}

TEST_CASE("LIBSVM text read in pieces of any size is the same, and so are its errors") {
  std::string good = "\xef\xbb\xbf";
  for (int i = 0; i < 60; ++i) good += std::to_string(i % 3) + " 2:" + std::to_string(i) + (i % 2 ? " 7:1.5 # x\r\n" : "\n\n");
  const Folder folder;
  for (const std::string& text :
       {good, good + "1 3:1", good + "1 3:1 2:1\n" + good.substr(3), good + "1 3:a\n1 2:3\n", good + "x 1:1\n"}) {
    for (const bool packed : {false, true}) {
      const std::string path = folder.write("f.svm", packed ? gzip(text) : text);
      const std::string whole = told_libsvm(path, 0);
      for (const std::size_t piece : {1, 2, 3, 10, 100, 1000}) {
        CHECK(told_libsvm(path, piece) == whole);
        CHECK(told_libsvm(path, piece, 3) == whole);
      }
    }
  }
}

TEST_CASE("many entries of LIBSVM text go through blocks of every size in their order") {
  std::string text;
  for (int i = 0; i < 300; ++i) {
    text += "1";
    for (int j = 1; j <= 40; ++j) text += " " + std::to_string(j) + ":" + std::to_string(i * 40 + j);
    text += "\n";
  }
  const LibsvmSet set = parse_libsvm({TextFile::from_string("f.svm", text)});
  const CsrMatrix& x = set.x;
  REQUIRE(x.nonZeros() == 12000);
  for (Index k = 0; k < 12000; ++k) {
    REQUIRE(x.valuePtr()[k] == static_cast<double>(k + 1));
    REQUIRE(x.innerIndexPtr()[k] == k % 40);
  }
}

TEST_CASE("a gzip file that unpacks to more than the limit is refused while it is unpacked, with the key that raises it") {
  const std::string zeros = gzip(std::string(100000, '0') + "\n");
  const Folder folder;
  const std::string path = folder.write("z.csv.gz", zeros);
  ReadLimits limits;
  CHECK(ByteStream::open(path, limits).rest().size() == 100001);  // the first 16 MiB are free
  limits.unpacked_freely = 1000;
  const DataError e = data_error("D133", [&] { ByteStream::open(path, limits).rest(); });
  CHECK(contains(e.remedy(), "data.unpack_ratio"));
  CHECK(contains(e.what(), "200 times"));
  limits.unpack_ratio = 1100;
  CHECK(ByteStream::open(path, limits).rest().size() == 100001);
  limits.unpack_ratio = 2;
  const std::string array = folder.write("z.npy.gz", gzip(tacit_test::npy("<f8", "(1000, 100)", std::string(800000, '\0'))));
  data_error("D133", [&] { read_number_file(array, "npy", limits); });
  TableOptions table;
  table.limits = limits;
  data_error("D133", [&] { Table::read(path, table); });
  table.keep_text = false;
  data_error("D133", [&] { Table::read(path, table); });
  LibsvmOptions sparse;
  sparse.limits = limits;
  data_error("D133", [&] { read_libsvm({path}, sparse); });
}

TEST_CASE("devices and pipes that never end are refused at a limit") {
  ReadLimits limits;
  limits.from_pipe = 1U << 20U;
  TableOptions table;
  table.limits = limits;
  data_error("D103", [&] { Table::read("/dev/zero", table); });
  data_error("D133", [&] { ByteStream::open("/dev/zero", limits).rest(); });
  const Folder folder;
  const std::string pipe = folder.path("pipe");
  REQUIRE(mkfifo(pipe.c_str(), 0600) == 0);
  signal(SIGPIPE, SIG_IGN);
  std::thread writer([&] {
    std::ofstream out(pipe);
    while (out << "1,2\n3,4\n" << std::flush) {
    }
  });
  const DataError e = data_error("D133", [&] { Table::read(pipe, table); });
  writer.join();
  CHECK(contains(e.what(), "1 MiB"));
  CHECK(contains(e.remedy(), "file"));
}

TEST_CASE("whole numbers of LIBSVM text that no double is equal to: labels refused as classes, said as amounts") {
  const Folder folder;
  DataOptions o;
  o.train = folder.write("l.svm", "9007199254740993 1:1\n9007199254740992 1:2\n-9007199254740993.0 2:3\n1 2:1\n");
  o.target_kind = TargetKind::classes;
  data_error("D109", [&] { load_dataset(o); });
  o.target_kind = TargetKind::number;
  const Dataset d = load_dataset(o);
  REQUIRE(d.remarks.size() == 1);
  CHECK(d.remarks[0].code == "W211");
  CHECK(contains(d.remarks[0].what, "2 whole numbers"));
  o.train = folder.write("m.svm", "1 1:9007199254740993\n2 1:9007199254740994\n3 2:1\n");
  REQUIRE(load_dataset(o).remarks.size() == 1);
  CHECK(contains(load_dataset(o).remarks[0].what, "1 whole number"));
  o.train = folder.write("n.svm", "9007199254740992 1:1\n2 1:1e20\n3 2:1\n");
  CHECK(load_dataset(o).remarks.empty());
}

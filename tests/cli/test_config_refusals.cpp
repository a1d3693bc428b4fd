// Keys that a run file may not use as it is: without effect, of a later version, of another verb, and as arguments: the exact
// text that the user sees.
#include <doctest/doctest.h>

#include "config_support.hpp"

using config_test::errors;
using config_test::kGood;

TEST_CASE("run file errors: keys without effect") {
  // a key of another estimator
  CHECK(errors(kGood + "hypergradient: {estimator: implicit-cg, window: 50}\n") ==
        R"(error[E205]: 'hypergradient.window' is not used by the estimator 'implicit-cg'
 --> run.yaml:3:41
  |
3 | hypergradient: {estimator: implicit-cg, window: 50}
  |                                         ^^^^^^
  = help: remove it; it is used by truncated-unroll
)");
  // a solver without options
  CHECK(errors(kGood + "inner: {solver: cholesky, max_steps: 10}\n") ==
        R"(error[E205]: 'inner.max_steps' is not used by the solver 'cholesky'
 --> run.yaml:3:27
  |
3 | inner: {solver: cholesky, max_steps: 10}
  |                           ^^^^^^^^^
  = help: remove it; it is used by gradient-descent
)");
  // what the scheme does not use
  CHECK(errors(kGood + "validation: {scheme: files, file: v.csv, fraction: 0.5}\n") ==
        R"(error[E205]: 'validation.fraction' is not used: the scheme is files
 --> run.yaml:3:42
  |
3 | validation: {scheme: files, file: v.csv, fraction: 0.5}
  |                                          ^^^^^^^^
  = help: remove it
)");
  // what the model does not use
  CHECK(errors(kGood + "model: {delta: 2, positive: a}\nhyper: {l1: {start: 1}}\n") ==
        R"(error[E205]: 'model.delta' is not used: the model is ridge
 --> run.yaml:3:9
  |
3 | model: {delta: 2, positive: a}
  |         ^^^^^
  = help: remove it

error[E205]: 'model.positive' is not used: the model is ridge
 --> run.yaml:3:19
  |
3 | model: {delta: 2, positive: a}
  |                   ^^^^^^^^
  = help: remove it

error[E205]: 'hyper.l1' is not used: the model is ridge
 --> run.yaml:4:9
  |
4 | hyper: {l1: {start: 1}}
  |         ^^
  = help: remove it
)");
  // libsvm keys for a table, and the other way
  CHECK(errors("tacit: 1\ndata: {train: a.csv, index_base: 1}\n") ==
        R"(error[E205]: 'data.index_base' is not used: it belongs to libsvm files, and the data are csv
 --> run.yaml:2:22
  |
2 | data: {train: a.csv, index_base: 1}
  |                      ^^^^^^^^^^
  = help: remove it
)");
  // table keys for libsvm
  CHECK(
      errors("tacit: 1\ndata: {train: a.svm.gz, header: present}\n") ==
      R"(error[E205]: 'data.header' is not used: libsvm files have no such thing: their first entry of a row is the target, all others are numbered features
 --> run.yaml:2:25
  |
2 | data: {train: a.svm.gz, header: present}
  |                         ^^^^^^
  = help: remove it
)");
  // exclusive keys
  CHECK(errors(kGood + "hyper: {l2: {fix: 0, start: 1}}\nvalidation: {file: v.csv, split_column: part}\n") ==
        R"(error[E208]: 'hyper.l2.start' and 'hyper.l2.fix' exclude each other
 --> run.yaml:3:22
  |
3 | hyper: {l2: {fix: 0, start: 1}}
  |                      ^^^^^
  = help: a fixed value is not tuned: remove one of the two

error[E208]: 'validation.split_column' and 'validation.file' exclude each other
 --> run.yaml:4:27
  |
4 | validation: {file: v.csv, split_column: part}
  |                           ^^^^^^^^^^^^
  = help: the validation rows come from one place: remove one of the two
)");
  // groups that are not named
  CHECK(errors(kGood + "hyper: {l2: {per: group}}\nvalidation: {scheme: files}\n") ==
        R"(error[E206]: the key 'data.feature_groups' is missing
 --> run.yaml:3:19
  |
3 | hyper: {l2: {per: group}}
  |                   ^^^^^
  = help: name the features of each group: feature_groups: {name: [names or globs]}

error[E206]: the key 'validation.file' is missing
 --> run.yaml:4:1
  |
4 | validation: {scheme: files}
  | ^^^^^^^^^^
  = help: name the file of the validation rows, or a validation.split_column
)");
}

TEST_CASE("run file errors: what later versions bring") {
  // schemes and models
  CHECK(errors(kGood + "validation: {scheme: sure}\nmodel: {kind: lasso}\nhyper: {l1: {start: 1}, gamma: {start: 1}}\n") ==
        R"(error[E207]: 'validation.scheme: sure' is not available in this version
 --> run.yaml:3:22
  |
3 | validation: {scheme: sure}
  |                      ^^^^
  = help: use kfold

error[E207]: 'model.kind: lasso' is not available in this version
 --> run.yaml:4:15
  |
4 | model: {kind: lasso}
  |               ^^^^^
  = help: use ridge

error[E207]: 'hyper.gamma' is not available in this version
 --> run.yaml:5:25
  |
5 | hyper: {l1: {start: 1}, gamma: {start: 1}}
  |                         ^^^^^
  = help: use hyper.l2
)");
  // solvers
  CHECK(errors(kGood + "inner: {solver: fista, step: 0.1}\n") ==
        R"(error[E207]: 'inner.solver: fista' is not available in this version
 --> run.yaml:3:17
  |
3 | inner: {solver: fista, step: 0.1}
  |                 ^^^^^
  = help: use nesterov, or auto
)");
  // data
  CHECK(errors("tacit: 1\ndata: {train: a.npy, synthetic: {rows: 3}}\n") ==
        R"(error[E207]: 'data.synthetic' is not available in this version
 --> run.yaml:2:33
  |
2 | data: {train: a.npy, synthetic: {rows: 3}}
  |                                 ^
  = help: write the data to a file and name it in data.train
)");
}

TEST_CASE("run file errors: overrides") {
  // no override
  CHECK(errors(kGood, {"inner", "=1", "a..b=2", "seed="}) == R"(error[E211]: the argument 'inner' is no override
 --> argument 'inner'
  = help: write key.path=value, for instance inner.max_steps=100

error[E211]: the key '' of the override is not complete
 --> argument '=1'
  = help: write key.path=value, for instance inner.max_steps=100

error[E211]: the key 'a..b' of the override is not complete
 --> argument 'a..b=2'
  = help: write key.path=value, for instance inner.max_steps=100

error[E211]: the override of 'seed' has no value (null stands for none)
 --> argument 'seed='
  = help: write key.path=value, for instance inner.max_steps=100
)");
  // errors name the argument
  CHECK(errors(kGood, {"seed=1.5", "iner.solver=auto", "inner.max_iter=3", "data.drop=[a"}) ==
        R"(error[E202]: 'seed' takes a whole number >= 0, not '1.5'
 --> argument 'seed=1.5'
  = help: give a whole number >= 0

error[E201]: unknown key 'iner'
 --> argument 'iner.solver=auto'
  = help: did you mean 'inner'?

error[E201]: unknown key 'inner.max_iter'
 --> argument 'inner.max_iter=3'
  = help: did you mean 'max_steps'?

error[E102]: a '[' is not closed
 --> argument 'data.drop=[a'
  = help: add the missing ']' or ','
)");
  // into a value
  CHECK(errors(kGood + "name: x\n", {"name.first=y"}) ==
        R"(error[E211]: the key 'name.first' goes into something that is no block of keys
 --> argument 'name.first=y'
  = help: write key.path=value, for instance inner.max_steps=100
)");
}

TEST_CASE("run file errors: blocks of other verbs") {
  // compare
  CHECK(errors(
            kGood +
            "compare: {mode: x, estimators: [{label: a}, b, {estimator: implict-cg, windw: 3}], sweep: {inner.max_step: 3}}\n") ==
        R"(error[E204]: 'compare.mode' has no choice 'x'
 --> run.yaml:3:17
  |
3 | compare: {mode: x, estimators: [{label: a}, b, {estimator: implict-cg, windw: 3}], sweep: {inner.max_step: 3}}
  |                 ^
  = help: the choices are: same-path | own-run | both

error[E206]: an entry of 'compare.estimators' names no estimator
 --> run.yaml:3:33
  |
3 | compare: {mode: x, estimators: [{label: a}, b, {estimator: implict-cg, windw: 3}], sweep: {inner.max_step: 3}}
  |                                 ^
  = help: add estimator: NAME

error[E202]: 'compare.estimators' takes blocks of keys in its list, not 'b'
 --> run.yaml:3:45
  |
3 | compare: {mode: x, estimators: [{label: a}, b, {estimator: implict-cg, windw: 3}], sweep: {inner.max_step: 3}}
  |                                             ^
  = help: write {label: cg, estimator: implicit-cg}

error[E204]: unknown estimator 'implict-cg'
 --> run.yaml:3:60
  |
3 | compare: {mode: x, estimators: [{label: a}, b, {estimator: implict-cg, windw: 3}], sweep: {inner.max_step: 3}}
  |                                                            ^^^^^^^^^^
  = help: did you mean 'implicit-cg'? The names are: auto, full-unroll, truncated-unroll, implicit-cg

error[E201]: unknown key 'compare.estimators.windw'
 --> run.yaml:3:72
  |
3 | compare: {mode: x, estimators: [{label: a}, b, {estimator: implict-cg, windw: 3}], sweep: {inner.max_step: 3}}
  |                                                                        ^^^^^
  = help: did you mean 'window'?

error[E201]: unknown key 'inner.max_step' in 'compare.sweep'
 --> run.yaml:3:92
  |
3 | compare: {mode: x, estimators: [{label: a}, b, {estimator: implict-cg, windw: 3}], sweep: {inner.max_step: 3}}
  |                                                                                            ^^^^^^^^^^^^^^
  = help: did you mean 'inner.max_steps'?

error[E202]: 'compare.sweep' takes a list of values for each key, not '3'
 --> run.yaml:3:108
  |
3 | compare: {mode: x, estimators: [{label: a}, b, {estimator: implict-cg, windw: 3}], sweep: {inner.max_step: 3}}
  |                                                                                                            ^
  = help: write [3]
)");
  // curve
  CHECK(errors(kGood + "curve: {starts: [0, x], variable: logs}\n") ==
        R"(error[E202]: 'curve.starts' takes a whole number >= 0, not 'x'
 --> run.yaml:3:21
  |
3 | curve: {starts: [0, x], variable: logs}
  |                     ^
  = help: give a whole number >= 0

error[E204]: 'curve.variable' has no choice 'logs'
 --> run.yaml:3:35
  |
3 | curve: {starts: [0, x], variable: logs}
  |                                   ^^^^
  = help: did you mean 'log'? The choices are: value | log
)");
}

TEST_CASE("run file errors: a key that nothing reads yet takes its default alone, and no resolved file holds it") {
  using config_test::catalog;
  using config_test::read;
  struct Unread {
    std::string block, key, fallback;
    std::vector<std::string> others;
  };
  const std::vector<Unread> all = {{"output", "checkpoint", "30s", {"5s", "2h", "31"}}};
  for (const Unread& unread : all) {
    const std::string path = unread.block + "." + unread.key;
    CAPTURE(path);
    for (const std::string& other : unread.others) {
      const std::string text = errors(kGood, {path + "=" + other});
      CHECK(text.find("error[E207]: '" + path + "' is not available in this version") == 0);
      CHECK(text.find("argument '" + path + "=" + other) != std::string::npos);
    }
    CHECK(errors(kGood, {path + "=" + unread.fallback}) == "");
    const std::string yaml = to_yaml(read(kGood, {path + "=" + unread.fallback}), catalog());
    CHECK(yaml.find(" " + unread.key + ":") == std::string::npos);
  }
  CHECK(errors(kGood + "output: {checkpoint: 30, predictions: true}\n") == "");  // another way to write the default
  CHECK(errors(kGood + "output: {checkpoint: null}\n") == "");
  CHECK(errors(kGood + "output:\n  checkpoint: 5s\n") ==
        R"(error[E207]: 'output.checkpoint' is not available in this version
 --> run.yaml:4:15
  |
4 |   checkpoint: 5s
  |               ^^
  = help: remove it: a run that was interrupted leaves what it reached
)");
}

TEST_CASE("run file errors: keys that other keys leave nothing to do") {
  const auto unused = [](const std::string& text, const std::string& key) {
    return errors(kGood + text).find("error[E205]: '" + key + "' is not used: ") != std::string::npos;
  };
  // The rows are named: nothing is drawn.
  for (const char* rows : {"file: v.csv", "split_column: part", "scheme: holdout, split_column: part"}) {
    CAPTURE(rows);
    const std::string validation = "validation: {" + std::string(rows);
    CHECK(unused(validation + ", fraction: 0.5}\n", "validation.fraction"));
    CHECK(unused(validation + ", stratify: false}\n", "validation.stratify"));
    CHECK(errors(kGood + validation + "}\n") == "");
  }
  CHECK(errors("tacit: 1\ndata: {train: a.csv, test: 0.2}\nvalidation: {split_column: part, stratify: false}\n") == "");
  CHECK(errors(kGood + "validation: {fraction: 0.5, stratify: false}\n") == "");
  // One fixed number is the same for all.
  CHECK(unused("hyper: {l2: {fix: 0.1, per: feature}}\n", "hyper.l2.per"));
  CHECK(errors(kGood + "hyper: {l2: {fix: 0.1, per: all}}\n") == "");
  // Own runs have no common path.
  CHECK(unused("compare: {mode: own-run, path: 3}\n", "compare.path"));
  CHECK(errors(kGood + "compare: {mode: both, path: 3}\n") == "");
}

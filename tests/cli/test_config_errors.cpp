// Every mistake in a run file: the exact text that the user sees.
#include <doctest/doctest.h>

#include "config_support.hpp"

using config_test::errors;
using config_test::kGood;

TEST_CASE("run file errors: text that is not a run file") {
  // a tab indents
  CHECK(errors("tacit: 1\ndata:\n\ttrain: a.csv\n") == R"(error[E103]: a tab indents this line
 --> run.yaml:3:1
  |
3 |  train: a.csv
  | ^
  = help: indent with blanks
)");
  // a double quote is not closed at the end of the file
  CHECK(errors(kGood + "name: \"abc") == R"(error[E107]: the quote that opens here is never closed
 --> run.yaml:3:7
  |
3 | name: "abc
  |       ^
  = help: close it on the same line
)");
  // a single quote swallows the rest of the file
  CHECK(errors(kGood + "name: 'abc\nseed: 1\n") == R"(error[E107]: the quote that opens here is never closed
 --> run.yaml:3:7
  |
3 | name: 'abc
  |       ^
  = help: close it on the same line
)");
  // a key stands twice, and a second document
  CHECK(errors(kGood + "seed: 1\nseed: 2\n---\na: 1\n") == R"(error[E105]: the key 'seed' stands twice in this block
 --> run.yaml:4:1
  |
4 | seed: 2
  | ^^^^
  = help: it stands first in line 3; remove one of the two

error[E104]: a second YAML document begins here
 --> run.yaml:6:1
  |
6 | a: 1
  | ^
  = help: a run file is one document: remove the line '---' or '...' above
)");
  // anchor and alias
  CHECK(errors(kGood + "name: &x foo\nlimits: {time: *x}\n") == R"(error[E106]: an anchor ('&name') is not used in run files
 --> run.yaml:3:7
  |
3 | name: &x foo
  |       ^
  = help: write the value out; put a text that begins with this sign in quotes

error[E106]: an alias ('*name') is not used in run files
 --> run.yaml:4:16
  |
4 | limits: {time: *x}
  |                ^
  = help: write the value out; put a text that begins with this sign in quotes
)");
  // a glob without quotes
  CHECK(errors("tacit: 1\ndata: {train: a.csv, drop: [*tmp]}\n") == R"(error[E106]: an alias ('*name') is not used in run files
 --> run.yaml:2:29
  |
2 | data: {train: a.csv, drop: [*tmp]}
  |                             ^
  = help: put a text that begins with '*' in quotes
)");
  // tag and merge key
  CHECK(errors(kGood + "name: !foo x\n<<: {a: 1}\n") == R"(error[E106]: a tag ('!name') is not used in run files
 --> run.yaml:3:7
  |
3 | name: !foo x
  |       ^
  = help: write the value out; put a text that begins with this sign in quotes

error[E106]: a merge key ('<<') is not used in run files
 --> run.yaml:4:1
  |
4 | <<: {a: 1}
  | ^^
  = help: write the value out; put a text that begins with this sign in quotes
)");
  // a key that is a list
  CHECK(errors(kGood + "? [1, 2] : 3\n") == R"(error[E102]: a key must be a word, not a list
 --> run.yaml:3:3
  |
3 | ? [1, 2] : 3
  |   ^
  = help: write `word: value`
)");
  // a bracket is not closed
  CHECK(errors(kGood + "inner: {solver: auto\nseed: 1\n") == R"(error[E102]: a '{' is not closed
 --> run.yaml:3:8
  |
3 | inner: {solver: auto
  |        ^
  = help: add the missing '}' or ','
)");
  // wrong indentation
  CHECK(errors(kGood + "seed: 1\n  name: x\n") == R"(error[E102]: a ':' where no key can stand
 --> run.yaml:4:7
  |
4 |   name: x
  |       ^
  = help: check the indentation of this line and of the one above; put a text with ': ' in it in quotes
)");
  // an unknown escape
  CHECK(errors("tacit: 1\ndata: {train: \"c:\\data\"}\n") == R"(error[E102]: an unknown escape in a text in double quotes
 --> run.yaml:2:20
  |
2 | data: {train: "c:\data"}
  |                    ^
  = help: write \\ for a backslash, or use single quotes
)");
  // no block of keys
  CHECK(errors("just text\n") == R"(error[E109]: a run file is a block of keys, not 'just text'
 --> run.yaml:1:1
  |
1 | just text
  | ^^^^^^^^^
  = help: begin with `tacit: 1`; `tacit init` prints a starter run file
)");
  // a control character
  CHECK(errors(kGood + "name: a\001"
                       "b\n") == R"(error[E108]: a control character
 --> run.yaml:3:8
  |
3 | name: a b
  |        ^
  = help: save the run file as plain UTF-8 text
)");
}

TEST_CASE("run file errors: keys") {
  // nothing at all
  CHECK(errors("") == R"(error[E206]: the key 'tacit' is missing
 --> run.yaml:1:1
  = help: add `tacit: 1` as the first line: the version of the run file's schema

error[E206]: the key 'data.train' is missing
 --> run.yaml:1:1
  = help: name the data file: data: {train: FILE}
)");
  // tacit is missing
  CHECK(errors("data: {train: a.csv}\n") == R"(error[E206]: the key 'tacit' is missing
 --> run.yaml:1:1
  |
1 | data: {train: a.csv}
  | ^
  = help: add `tacit: 1` as the first line: the version of the run file's schema
)");
  // another schema version
  CHECK(errors("tacit: 2\ndata: {train: a.csv}\n") == R"(error[E203]: 'tacit' must be exactly 1, not 2
 --> run.yaml:1:8
  |
1 | tacit: 2
  |        ^
  = help: give 1
)");
  // train is missing
  CHECK(errors("tacit: 1\ndata: {target: y}\n") == R"(error[E206]: the key 'data.train' is missing
 --> run.yaml:2:1
  |
2 | data: {target: y}
  | ^^^^
  = help: name the data file: data: {train: FILE}
)");
  // a key with a near one
  CHECK(errors("tacit: 1\ndata: {train: a.csv, traget: y}\n") == R"(error[E201]: unknown key 'data.traget'
 --> run.yaml:2:22
  |
2 | data: {train: a.csv, traget: y}
  |                      ^^^^^^
  = help: did you mean 'target'?
)");
  // a block with a near one
  CHECK(errors(kGood + "hypergradeint: {estimator: auto}\n") == R"(error[E201]: unknown key 'hypergradeint'
 --> run.yaml:3:1
  |
3 | hypergradeint: {estimator: auto}
  | ^^^^^^^^^^^^^
  = help: did you mean 'hypergradient'?
)");
  // a key of another block
  CHECK(errors(kGood + "model: {fraction: 0.5}\n") == R"(error[E201]: unknown key 'model.fraction'
 --> run.yaml:3:9
  |
3 | model: {fraction: 0.5}
  |         ^^^^^^^^
  = help: did you mean 'validation.fraction'?
)");
  // alpha, lambda, C
  CHECK(errors(kGood + "alpha: 1\nhyper: {lambda: 2}\nmodel: {C: 1}\n") == R"(error[E201]: unknown key 'alpha'
 --> run.yaml:3:1
  |
3 | alpha: 1
  | ^^^^^
  = help: did you mean 'hyper.l2.start'? (scikit-learn's Ridge alpha is n * l2)

error[E201]: unknown key 'hyper.lambda'
 --> run.yaml:4:9
  |
4 | hyper: {lambda: 2}
  |         ^^^^^^
  = help: did you mean 'l2'? (glmnet's lambda for ridge is l2 * sd(y))

error[E201]: unknown key 'model.C'
 --> run.yaml:5:9
  |
5 | model: {C: 1}
  |         ^
  = help: did you mean 'hyper.l2.start'? (C of scikit-learn's LogisticRegression is 1 / (n * l2))
)");
  // cv, max_iter, tol, lr
  CHECK(errors(kGood + "validation: {cv: 5}\ninner: {max_iter: 9, tol: 0.1, lr: 1}\nouter: {lr: 0.1}\n") ==
        R"(error[E201]: unknown key 'validation.cv'
 --> run.yaml:3:14
  |
3 | validation: {cv: 5}
  |              ^^
  = help: did you mean 'folds'?

error[E201]: unknown key 'inner.max_iter'
 --> run.yaml:4:9
  |
4 | inner: {max_iter: 9, tol: 0.1, lr: 1}
  |         ^^^^^^^^
  = help: did you mean 'max_steps'?

error[E201]: unknown key 'inner.tol'
 --> run.yaml:4:22
  |
4 | inner: {max_iter: 9, tol: 0.1, lr: 1}
  |                      ^^^
  = help: did you mean 'tolerance'?

error[E201]: unknown key 'inner.lr'
 --> run.yaml:4:32
  |
4 | inner: {max_iter: 9, tol: 0.1, lr: 1}
  |                                ^^
  = help: did you mean 'step'?

error[E201]: unknown key 'outer.lr'
 --> run.yaml:5:9
  |
5 | outer: {lr: 0.1}
  |         ^^
  = help: did you mean 'step'?
)");
  // nothing is near
  CHECK(errors(kGood + "limits: {zzzzzz: 1}\n") == R"(error[E201]: unknown key 'limits.zzzzzz'
 --> run.yaml:3:10
  |
3 | limits: {zzzzzz: 1}
  |          ^^^^^^
  = help: the keys here are: time, memory, threads
)");
}

TEST_CASE("run file errors: values") {
  // a word for a number
  CHECK(errors(kGood + "seed: many\n") == R"(error[E202]: 'seed' takes a whole number >= 0, not 'many'
 --> run.yaml:3:7
  |
3 | seed: many
  |       ^^^^
  = help: give a whole number >= 0
)");
  // the octal trap
  CHECK(errors(kGood + "seed: 010\nouter: {tolerance: 00.5}\n") == R"(error[E209]: 'seed' is written with a leading zero: 010
 --> run.yaml:3:7
  |
3 | seed: 010
  |       ^^^
  = help: write 10

error[E209]: 'outer.tolerance' is written with a leading zero: 00.5
 --> run.yaml:4:20
  |
4 | outer: {tolerance: 00.5}
  |                    ^^^^
  = help: write 0.5
)");
  // a whole number with an exponent
  CHECK(errors(kGood + "outer: {max_steps: 1e3}\n") == R"(error[E202]: 'outer.max_steps' takes a whole number >= 0, not '1e3'
 --> run.yaml:3:20
  |
3 | outer: {max_steps: 1e3}
  |                    ^^^
  = help: write 1000
)");
  // a decimal comma, underscores, quotes
  CHECK(errors(kGood + "outer: {tolerance: '0.1'}\nvalidation:\n  fraction: 0,25\nseed: 1_000\n") ==
        R"(error[E202]: 'outer.tolerance' takes a number >= 0, not the text "0.1"
 --> run.yaml:3:20
  |
3 | outer: {tolerance: '0.1'}
  |                    ^^^^^
  = help: write it without quotes

error[E202]: 'validation.fraction' takes a number in (0, 1), not '0,25'
 --> run.yaml:5:13
  |
5 |   fraction: 0,25
  |             ^^^^
  = help: write a decimal point: 0.25

error[E202]: 'seed' takes a whole number >= 0, not '1_000'
 --> run.yaml:6:7
  |
6 | seed: 1_000
  |       ^^^^^
  = help: give a whole number >= 0
)");
  // out of range
  CHECK(errors(kGood + "validation: {fraction: 1}\nouter: {max_steps: -1, tolerance: 1e999}\n") ==
        R"(error[E203]: 'validation.fraction' must be in (0, 1), not 1
 --> run.yaml:3:24
  |
3 | validation: {fraction: 1}
  |                        ^
  = help: give a number in (0, 1)

error[E203]: 'outer.max_steps' must be >= 0, not -1
 --> run.yaml:4:20
  |
4 | outer: {max_steps: -1, tolerance: 1e999}
  |                    ^^
  = help: give a whole number >= 0

error[E203]: 'outer.tolerance' must be a finite number, not 1e999
 --> run.yaml:4:35
  |
4 | outer: {max_steps: -1, tolerance: 1e999}
  |                                   ^^^^^
  = help: give a number >= 0
)");
  // yes, on, 1, True
  CHECK(errors(kGood + "model: {intercept: yes}\nouter: {refit: on}\ninner: {warm_start: 1}\noutput: {predictions: "
                       "True}\nprepare: {standardize: no}\n") == R"(error[E210]: 'model.intercept' takes true or false, not 'yes'
 --> run.yaml:3:20
  |
3 | model: {intercept: yes}
  |                    ^^^
  = help: write true

error[E210]: 'outer.refit' takes true or false, not 'on'
 --> run.yaml:4:16
  |
4 | outer: {refit: on}
  |                ^^
  = help: write true

error[E210]: 'inner.warm_start' takes true or false, not '1'
 --> run.yaml:5:21
  |
5 | inner: {warm_start: 1}
  |                     ^
  = help: write true

error[E210]: 'output.predictions' takes true or false, not 'True'
 --> run.yaml:6:23
  |
6 | output: {predictions: True}
  |                       ^^^^
  = help: write true

error[E210]: 'prepare.standardize' takes true, false or auto, not 'no'
 --> run.yaml:7:24
  |
7 | prepare: {standardize: no}
  |                        ^^
  = help: write false
)");
  // nothing given
  CHECK(errors(kGood + "seed:\nmodel:\n  kind:\n  intercept: null\n") ==
        R"(error[E202]: 'seed' has no value: it takes a whole number >= 0
 --> run.yaml:3:1
  |
3 | seed:
  | ^^^^
  = help: give a whole number >= 0, or remove the key

error[E202]: 'model.kind' has no value: it takes one of the words ridge | logistic
 --> run.yaml:5:3
  |
5 |   kind:
  |   ^^^^
  = help: give one of them, or remove the key

error[E202]: 'model.intercept' takes true or false, not null
 --> run.yaml:6:14
  |
6 |   intercept: null
  |              ^^^^
  = help: write true or false
)");
  // unknown names
  CHECK(errors(kGood + "model: {kind: rigde}\ninner: {solver: newtn-cg}\nhypergradient: {estimator: foo}\n") ==
        R"(error[E204]: 'model.kind' has no choice 'rigde'
 --> run.yaml:3:15
  |
3 | model: {kind: rigde}
  |               ^^^^^
  = help: did you mean 'ridge'? The choices are: ridge | logistic

error[E204]: unknown solver 'newtn-cg'
 --> run.yaml:4:17
  |
4 | inner: {solver: newtn-cg}
  |                 ^^^^^^^^
  = help: did you mean 'newton-cg'? The names are: auto, gradient-descent, newton-cg, cholesky

error[E204]: unknown estimator 'foo'
 --> run.yaml:5:28
  |
5 | hypergradient: {estimator: foo}
  |                            ^^^
  = help: the names are: auto, full-unroll, truncated-unroll, implicit-cg
)");
  // a value where a block stands
  CHECK(errors(kGood + "model: ridge\nhyper: {l2: 0.5}\n") == R"(error[E202]: 'model' is a block of keys, not 'ridge'
 --> run.yaml:3:8
  |
3 | model: ridge
  |        ^^^^^
  = help: write model: {kind: ridge}

error[E202]: 'hyper.l2' is a block of keys, not '0.5'
 --> run.yaml:4:13
  |
4 | hyper: {l2: 0.5}
  |             ^^^
  = help: write l2: {start: 0.5}
)");
  // a list where one value stands
  CHECK(errors(kGood + "seed: [1, 2]\nname: {a: b}\n") == R"(error[E202]: 'seed' takes a whole number >= 0, not a list
 --> run.yaml:3:7
  |
3 | seed: [1, 2]
  |       ^
  = help: give a whole number >= 0

error[E202]: 'name' takes a text, not a block of keys
 --> run.yaml:4:7
  |
4 | name: {a: b}
  |       ^
  = help: give one text
)");
  // ranges of hyperparameters
  CHECK(errors(kGood + "hyper: {l2: {range: [2, 1], start: [1, x, -3]}}\n") ==
        R"(error[E203]: 'hyper.l2.range' needs a lower bound below the upper one, not [2, 1]
 --> run.yaml:3:21
  |
3 | hyper: {l2: {range: [2, 1], start: [1, x, -3]}}
  |                     ^
  = help: write the smaller number first; {fix: 2} holds a value fixed

error[E202]: 'hyper.l2.start' takes a number > 0, not 'x'
 --> run.yaml:3:40
  |
3 | hyper: {l2: {range: [2, 1], start: [1, x, -3]}}
  |                                        ^
  = help: give a number > 0

error[E203]: 'hyper.l2.start' must be > 0, not -3
 --> run.yaml:3:43
  |
3 | hyper: {l2: {range: [2, 1], start: [1, x, -3]}}
  |                                           ^^
  = help: give a number > 0
)");
  // times and memory
  CHECK(errors(kGood + "limits: {time: soon, memory: 3 parsecs, threads: all}\n") ==
        R"(error[E202]: 'limits.time' takes a time above 0, not 'soon'
 --> run.yaml:3:16
  |
3 | limits: {time: soon, memory: 3 parsecs, threads: all}
  |                ^^^^
  = help: write 30s, 5min, 2h, or null for none

error[E202]: 'limits.memory' takes an amount of memory, not '3 parsecs'
 --> run.yaml:3:30
  |
3 | limits: {time: soon, memory: 3 parsecs, threads: all}
  |                              ^^^^^^^^^
  = help: write 500MB, 2GB, or null for none

error[E202]: 'limits.threads' takes a whole number >= 1 or auto, not 'all'
 --> run.yaml:3:50
  |
3 | limits: {time: soon, memory: 3 parsecs, threads: all}
  |                                                  ^^^
  = help: give a whole number >= 1 or auto
)");
  // characters beyond ASCII keep the caret in place
  CHECK(errors(kGood + "name: {é: ü, seed: 010}\n") == R"(error[E202]: 'name' takes a text, not a block of keys
 --> run.yaml:3:7
  |
3 | name: {é: ü, seed: 010}
  |       ^
  = help: give one text
)");
}

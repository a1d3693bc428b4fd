// What nearly every test includes, compiled once: the largest part of the time that a test takes to compile.
#pragma once
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <Eigen/Dense>
#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <tacit/bilevel/driver.hpp>
#include <tacit/core/inner/inner.hpp>
#include <tacit/problems/data/prepare.hpp>

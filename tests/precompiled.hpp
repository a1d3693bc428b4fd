// What nearly every test includes and is not ours, compiled once: the largest part of the time that a test takes to compile.
#pragma once
#include <cmath>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <sstream>
#include <string>
#include <vector>

#include <doctest/doctest.h>
#include <Eigen/Dense>
#include <nlohmann/json.hpp>

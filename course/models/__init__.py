"""Small models: plain functions over plain parameters.

layers         Model (init and apply), dense layers, dropout, activations
mlp            multilayer perceptron
linear         linear regression in closed form
logistic       logistic regression
discriminant   linear discriminant analysis
naive_bayes    naive Bayes for words and for numbers
spam           two spam filters: rules written by hand, and naive Bayes
weather_table  forecasts of tomorrow's sky from tables of shares
inputs         checks that several of them share
"""

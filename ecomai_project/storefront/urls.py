"""Addresses of the demo shop."""

from django.urls import path

from .views import account, basket, catalogue

app_name = "storefront"

urlpatterns = [
    path("", catalogue.HomeView.as_view(), name="home"),
    path("browse/", catalogue.BrowseView.as_view(), name="browse"),
    path("search/", catalogue.SearchView.as_view(), name="search"),
    path("products/<path:external_id>/", catalogue.ProductView.as_view(), name="product"),
    path("pictures/<str:name>", catalogue.picture, name="picture"),
    path("basket/", basket.BasketView.as_view(), name="basket"),
    path("basket/add/", basket.AddView.as_view(), name="basket-add"),
    path("basket/change/", basket.ChangeView.as_view(), name="basket-change"),
    path("basket/checkout/", basket.CheckoutView.as_view(), name="checkout"),
    path("thanks/<str:order_id>/", basket.ThanksView.as_view(), name="thanks"),
    path("welcome/", account.WelcomeView.as_view(), name="welcome"),
    path("welcome/as/", account.ShopAsView.as_view(), name="shop-as"),
    path("goodbye/", account.LogOutView.as_view(), name="logout"),
    path("consent/", account.ConsentView.as_view(), name="consent"),
    path("my-data/", account.MyDataView.as_view(), name="my-data"),
    path("my-data/export/", account.ExportView.as_view(), name="my-data-export"),
    path("my-data/erase/", account.EraseView.as_view(), name="my-data-erase"),
]
